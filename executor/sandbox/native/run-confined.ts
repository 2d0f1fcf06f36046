import { basename } from 'node:path'
import { BuildError } from '../../../core/errors.ts'
import { ChildProgramError, LinuxError, type ChildProgram } from '../../linux/index.ts'
import { isGivenDevices, type DeviceGuard } from '../device-guard.ts'
import { findCommand, notFound, type FoundCommand } from '../find-command.ts'
import { openOutputPipes } from '../output-pipes.ts'
import { limitsFor } from '../resource-limits.ts'
import { openRunCgroup } from '../run-cgroup.ts'
import type { SandboxExit, SandboxIo, SandboxProcess } from '../sandbox.ts'
import { seccompProgram } from '../seccomp/index.ts'
import { announceStart, outOfMemoryKills, supervise } from '../supervise.ts'
import { capabilitiesFor } from '../view.ts'
import type { Confinement } from './confinement.ts'
import { entryProgram } from './entry-program.ts'

const { arch } = globalThis.process

export interface ConfinedSettings {
  readonly confinement: Confinement
  readonly openFiles: number | undefined
  readonly guard: DeviceGuard
  readonly filtersSyscalls: boolean
  /** Ends what the process leaves, before its output is waited for. */
  readonly afterEnd?: () => Promise<void>
}

/** Runs one process that we confine ourselves: `Sandbox.run()` of the sandboxes that need no runtime.
 *  @throws {BuildError} as `Sandbox.run()` */
export async function runConfined(
  process: SandboxProcess,
  io: SandboxIo,
  settings: ConfinedSettings,
): Promise<SandboxExit> {
  io.signal.throwIfAborted()
  const command = findCommand(process)
  const killsBefore = outOfMemoryKills()
  using pipes = openOutputPipes(io)
  const { root, argv, env, cwd, uid, gid, groups } = process
  const { confinement } = settings
  const program = entryProgram({
    confinement,
    ...{ root, path: command.path, argv, env, cwd, uid, gid, groups },
    directories: hiddenParts(process),
    descriptors: pipes.childFds,
    limits: limitsFor(process, settings.openFiles),
    capabilities: capabilitiesFor(process),
    filter: settings.filtersSyscalls ? filter() : undefined,
  })
  const { cgroupParent, scratch } = process
  await using group =
    cgroupParent === undefined
      ? undefined
      : openRunCgroup(cgroupParent, basename(scratch), isGivenDevices(process) ? 'all' : 'harmless')
  const startNow = (): number => start(program, process, confinement, command)
  const startInPlace = (): number =>
    group === undefined ? settings.guard.start(process, startNow) : group.startInside(startNow)
  let supervising: Promise<SandboxExit>
  {
    using _start = announceStart()
    supervising = supervise(startInPlace(), io.signal, killsBefore)
  }
  pipes.handOver()
  const exit = await supervising
  await settings.afterEnd?.()
  await pipes.drain()
  io.signal.throwIfAborted()
  return exit
}

/** The directories of `cwd` that a memory mount hides: nobody could make them before, and runtimes do then. */
function hiddenParts({ cwd, mounts }: SandboxProcess): readonly string[] {
  const parts = cwd.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'))
  return parts.filter((part) => mounts.some(({ kind, target }) => kind === 'tmpfs' && part.startsWith(`${target}/`)))
}

let madeFilter: Uint8Array | undefined

function filter(): Uint8Array {
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`there is no system call filter for ${arch}`)
  return (madeFilter ??= seccompProgram(arch))
}

function start(
  program: ChildProgram,
  process: SandboxProcess,
  confinement: Confinement,
  command: FoundCommand,
): number {
  try {
    return program.start(confinement.kind === 'namespaces' ? confinement.namespaces : [])
  } catch (error) {
    if (error instanceof ChildProgramError) throw failureOf(error, process, confinement, command)
    if (error instanceof LinuxError) throw setupFailed(error.message)
    throw error
  }
}

function failureOf(
  { step, cause, message }: ChildProgramError,
  { argv }: SandboxProcess,
  { kind }: Confinement,
  command: FoundCommand,
): BuildError {
  if (step === 'network' && kind === 'chroot') return withoutNetworkFailed()
  if (step !== 'execve') return setupFailed(message)
  return notFound(argv[0] ?? '', reasonOf(cause.code, command))
}

function setupFailed(reason: string): BuildError {
  return new BuildError('SANDBOX_FAILED', `Cannot set up the sandbox: ${reason}`)
}

function withoutNetworkFailed(): BuildError {
  return new BuildError('SANDBOX_UNAVAILABLE', 'Cannot take the network from the command: this needs namespaces', {
    hint: 'Leave out --network=none, or build where namespaces can be made.',
  })
}

function reasonOf(code: string, { doubt }: FoundCommand): string {
  switch (code) {
    case 'ENOEXEC':
      return doubt ?? 'it is no program this machine knows'
    case 'ENOENT':
      return 'it needs a file that the image does not have'
    case 'EACCES':
      return 'the user may not execute it'
    case 'E2BIG':
      return 'its arguments and environment are too long'
    default:
      return code
  }
}
