import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { BuildError } from '../../../core/errors.ts'
import { openPipe } from '../../linux/index.ts'
import { findCommand, notFound, type FoundCommand } from '../find-command.ts'
import { openOutputPipes } from '../output-pipes.ts'
import { limitsFor, type NamedLimit } from '../resource-limits.ts'
import type { SandboxExit, SandboxIo, SandboxProcess } from '../sandbox.ts'
import { announceStart, outOfMemoryKills, supervise } from '../supervise.ts'
import { capabilitiesFor } from '../view.ts'
import type { Confinement, LaunchStatus } from './launch-request.ts'
import { launcherFailed, type LauncherProcess } from './launcher-process.ts'

const { pid: executorPid } = globalThis.process

export interface LaunchSettings {
  readonly confinement: Confinement
  readonly openFiles: number | undefined
  readonly filtersSyscalls: boolean
  /** Ends what the process leaves, before its output is waited for. */
  readonly afterEnd?: () => Promise<void>
}

/** Runs one process through the launcher: `Sandbox.run()` of the sandboxes that need no runtime.
 *  @throws {BuildError} as `Sandbox.run()` */
export async function runLaunched(
  launcher: LauncherProcess,
  process: SandboxProcess,
  io: SandboxIo,
  settings: LaunchSettings,
): Promise<SandboxExit> {
  io.signal.throwIfAborted()
  const command = findCommand(process)
  const mostAttempts = 5
  for (let attempt = 1; ; attempt++) {
    const result = await attemptLaunch(launcher, process, io, settings, command, attempt > 1)
    io.signal.throwIfAborted()
    if (result.kind === 'ended') return result.exit
    // The double found its heap missing, and has done nothing yet.
    if (attempt === mostAttempts) throw launcherFailed('the launcher cannot double itself')
  }
}

/** It takes some milliseconds. */
const longestSetupMs = 20_000

function withoutInfinity({ name, soft, hard }: NamedLimit): NamedLimit {
  const finite = (value: number): number => (value === Infinity ? -1 : value)
  return { name, soft: finite(soft), hard: finite(hard) }
}

type Attempt = { readonly kind: 'ended'; readonly exit: SandboxExit } | { readonly kind: 'stillborn' }

async function attemptLaunch(
  launcher: LauncherProcess,
  process: SandboxProcess,
  io: SandboxIo,
  settings: LaunchSettings,
  command: FoundCommand,
  heapHasGrown: boolean,
): Promise<Attempt> {
  const { root, argv, env, cwd, uid, gid, groups } = process
  const killsBefore = outOfMemoryKills()
  using pipes = openOutputPipes(io)
  using status = openStatusPipe()
  const stuck = new AbortController()
  let supervising: Promise<SandboxExit>
  {
    using _start = announceStart()
    const pid = await launcher.launch({
      executorPid,
      descriptors: [...pipes.childFds, status.childFd],
      heapHasGrown,
      confinement: settings.confinement,
      ...{ root, path: command.path, argv, env, cwd, uid, gid, groups },
      limits: limitsFor(process, settings.openFiles).map(withoutInfinity),
      capabilities: capabilitiesFor(process),
      filtersSyscalls: settings.filtersSyscalls,
    })
    supervising = supervise(pid, AbortSignal.any([io.signal, stuck.signal]), killsBefore)
  }
  pipes.handOver()
  const timer = setTimeout(() => stuck.abort(), longestSetupMs)
  const telling = status.read().finally(() => clearTimeout(timer))
  const [exit, told] = await Promise.all([supervising, telling])
  await settings.afterEnd?.()
  await pipes.drain()
  if (io.signal.aborted) return { kind: 'ended', exit }
  if (told.length === 0 || stuck.signal.aborted) return { kind: 'stillborn' }
  const failure = told.find((entry) => entry.kind === 'failed')
  if (failure !== undefined) throw failureOf(failure, process, command)
  if (!told.some(({ kind }) => kind === 'executing')) throw launcherFailed('its first process was killed')
  return { kind: 'ended', exit }
}

function failureOf(
  failure: Extract<LaunchStatus, { kind: 'failed' }>,
  { argv }: SandboxProcess,
  command: FoundCommand,
): Error {
  if (failure.step === 'network') return withoutNetworkFailed()
  if (failure.step !== 'execve') return launcherFailed(`${failure.step}: ${failure.message}`)
  return notFound(argv[0] ?? '', reasonOf(failure.code, command))
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

interface StatusPipe extends Disposable {
  readonly childFd: number
  /** Everything told until all who hold the other end have let go of it. */
  read(): Promise<readonly LaunchStatus[]>
}

function openStatusPipe(): StatusPipe {
  const { readFd, writeFd } = openPipe()
  const socket = new Socket({ fd: readFd, readable: true, writable: false })
  let open = true
  const close = (): void => {
    if (open) closeSync(writeFd)
    open = false
  }
  return {
    childFd: writeFd,
    read: async () => {
      close()
      const lines = (await text(socket)).split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as LaunchStatus)
    },
    [Symbol.dispose]: () => {
      close()
      socket.destroy()
    },
  }
}
