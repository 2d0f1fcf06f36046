import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { BuildError } from '../../../core/errors.ts'
import { becomeSubreaper } from '../../linux/index.ts'
import { cgroupPath, hideHybridCgroups, removeCgroup } from '../cgroups.ts'
import { checkRoot } from '../check-root.ts'
import { isGivenDevices, type DeviceGuard } from '../device-guard.ts'
import { findCommand, notFound } from '../find-command.ts'
import { openOutputPipes, type OutputPipes } from '../output-pipes.ts'
import { openRunCgroup } from '../run-cgroup.ts'
import type { Sandbox, SandboxExit, SandboxIo, SandboxProcess } from '../sandbox.ts'
import { announceStart, outOfMemoryKills, reapRuntime, supervise } from '../supervise.ts'
import type { HostFacts } from '../view.ts'
import { formatConfig, ociConfig } from './bundle.ts'
import { premountMemory } from './memory-mounts.ts'
import type { Runtime } from './runtime.ts'

export interface OciOptions {
  readonly runtime: Runtime
  readonly facts: HostFacts
  readonly openFiles: number | undefined
  readonly guard: DeviceGuard
}

/** Runs processes through an OCI runtime, which is gone again once the process runs: the process itself becomes our child, so that we learn from the kernel
 *  how it ended. For a process with a mount namespace of its own.
 *  @throws {LinuxError} */
export function openOciSandbox(options: OciOptions): Sandbox {
  becomeSubreaper()
  if (options.runtime.name === 'crun') hideHybridCgroups()
  return {
    name: 'oci',
    fallbackReason: undefined,
    run: options.runtime.name === 'crun' ? (process, io) => runBundle(options, process, io) : runForRunc(options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** runc makes cgroups, unless it is rootless, and has its own idea of a tmpfs's mode. */
function runForRunc(options: OciOptions): Sandbox['run'] {
  return async (process, io) => {
    const cgroup = options.facts.rootless ? undefined : basename(process.scratch)
    using memory = premountMemory(process)
    try {
      return await runBundle(options, memory.process, io, cgroup)
    } finally {
      if (cgroup !== undefined) removeCgroup(cgroup, process.cgroupParent)
    }
  }
}

async function runBundle(
  { runtime, facts, openFiles, guard }: OciOptions,
  process: SandboxProcess,
  io: SandboxIo,
  cgroup?: string,
): Promise<SandboxExit> {
  io.signal.throwIfAborted()
  checkRoot(process.root)
  const command = findCommand(process)
  const killsBefore = outOfMemoryKills()
  const cgroupsPath = cgroup === undefined ? undefined : cgroupPath(cgroup, process.cgroupParent)
  const config = ociConfig(process, { runtime: runtime.name, facts, cgroupsPath, openFiles })
  writeFileSync(join(process.scratch, 'config.json'), formatConfig(config))
  const refusal = watchForRefusal(io)
  const { cgroupParent, scratch } = process
  await using group =
    cgroupParent === undefined
      ? undefined
      : openRunCgroup(cgroupParent, basename(scratch), isGivenDevices(process) ? 'all' : 'harmless')
  using pipes = openOutputPipes(command.doubt === undefined ? io : refusal)
  let supervising: Promise<SandboxExit>
  {
    using _start = announceStart()
    const pid = await start(runtime, process, pipes, (spawnNow) =>
      group === undefined ? guard.start(process, spawnNow) : group.startInside(spawnNow),
    )
    supervising = supervise(pid, io.signal, killsBefore)
  }
  const exit = await supervising
  await pipes.drain()
  io.signal.throwIfAborted()
  if (command.doubt !== undefined && refusal.wasSeen()) throw notFound(process.argv[0] ?? '', command.doubt)
  return exit
}

/** That the kernel refuses a program, the runtime hears when it has let go of us already. It can only write so where the program would. */
function watchForRefusal({ onOutput }: SandboxIo): Pick<SandboxIo, 'onOutput'> & { wasSeen(): boolean } {
  const mostCharacters = 4096
  let complaint = ''
  return {
    onOutput: (stream, chunk) => {
      if (stream === 'stderr') complaint = `${complaint}${Buffer.from(chunk).toString()}`.slice(0, mostCharacters)
      onOutput(stream, chunk)
    },
    wasSeen: () => /exec format error/i.test(complaint),
  }
}

const containerId = 'run'

/** Resolves to the process's id once it runs.
 *  @throws {BuildError} */
async function start(
  runtime: Runtime,
  process: SandboxProcess,
  pipes: OutputPipes,
  startInPlace: (spawnNow: () => ChildProcess) => ChildProcess,
): Promise<number> {
  const { scratch } = process
  const pidFile = join(scratch, 'pid')
  const logFile = join(scratch, 'log')
  const args = [
    ...['--root', join(scratch, 'state'), '--log', logFile, '--log-format', 'json'],
    ...(runtime.name === 'crun' ? ['--cgroup-manager=disabled'] : []),
    ...['run', '--detach', '--pid-file', pidFile, '--bundle', scratch, containerId],
  ]
  const spawnNow = (): ChildProcess => spawn(runtime.path, args, { stdio: [...pipes.childFds], cwd: scratch, env: {} })
  const child = startInPlace(spawnNow)
  const code = await exitCode(child)
  if (code !== 0) {
    await reapRuntime()
    throw startFailure(runtime, process, loggedErrors(logFile))
  }
  pipes.handOver()
  return Number(readFileSync(pidFile, 'utf8'))
}

/** `undefined`: it could not be started, or was killed. */
async function exitCode(child: ChildProcess): Promise<number | undefined> {
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? undefined
  } catch {
    return undefined
  }
}

function startFailure(runtime: Runtime, process: SandboxProcess, message: string): BuildError {
  if (/\bexec(utable)?\b/.test(message) && /denied|not permitted|not found|no such file/i.test(message))
    return notFound(process.argv[0] ?? '', message)
  return new BuildError('SANDBOX_FAILED', `Cannot set up the sandbox: ${runtime.name} says: ${message}`, {
    hint: 'Try --isolation native, which needs no runtime.',
  })
}

function loggedErrors(logFile: string): string {
  const lines = readLines(logFile).map(messageOf)
  return lines.length === 0 ? 'nothing' : lines.join('; ')
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}

function messageOf(line: string): string {
  try {
    const entry: unknown = JSON.parse(line)
    if (typeof entry === 'object' && entry !== null && 'msg' in entry) return String(entry.msg)
  } catch {
    // not every line is JSON
  }
  return line
}
