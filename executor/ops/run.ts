import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { RunOp } from '../../core/ops.ts'
import { Accounts, type ProcessUser } from '../accounts/accounts.ts'
import type { Sandbox, SandboxExit, SandboxIo, SandboxMount } from '../sandbox/index.ts'
import type { ActiveRoot } from '../snapshot/active-root.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { deviceMounts, type DeviceEdits } from './devices.ts'
import { MountStubs } from './mount-stubs.ts'
import { hostsFile, resolvConf } from './name-resolution-files.ts'
import { fileMount, requestedMounts, type MountSources } from './run-mounts.ts'
import { secretEnvironment } from './secrets.ts'

/** Docker's. */
const defaultShmBytes = 64 * 1024 * 1024

export interface RunRequest extends MountSources {
  readonly op: RunOp
  readonly devices: readonly DeviceEdits[]
}

/** Runs the process on the root and leaves the root as the layer's writer wants it: without mount targets that only the run needed.
 *  @throws {BuildError} `RUN_FAILED`, `RUN_SIGNALED`, `RUN_OUT_OF_MEMORY`, `RUN_COMMAND_NOT_FOUND`, `RUN_USER_UNKNOWN`, `MOUNT_INVALID`,
 *  `SANDBOX_UNAVAILABLE`, `SANDBOX_FAILED` */
export async function runProcess(
  request: RunRequest,
  root: ActiveRoot,
  sandbox: Sandbox,
  io: SandboxIo,
): Promise<void> {
  const { op, scratch } = request
  const user = new Accounts(new LayeredTree([root.path])).resolveProcessUser(op.user)
  const stubs = new MountStubs(root.path)
  for (const target of ['/proc', '/sys', '/dev']) stubs.makeLastingDirectory(target)
  stubs.makeLastingDirectory(op.cwd)
  for (const own of ['/proc', '/sys', '/dev']) stubs.cover(own, undefined)
  const opened: AsyncDisposable[] = []
  try {
    const mounts = [
      ...nameResolutionMounts(op, scratch, stubs),
      ...(await requestedMounts(op, request, stubs, opened)),
      ...deviceMounts(request.devices, scratch, stubs),
    ]
    const cwd = stubs.makeDirectory(op.cwd) // a mount may hide the one in the root
    const exit = await sandbox.run(
      {
        root: root.path,
        scratch,
        argv: op.argv,
        env: environmentOf(request, user),
        cwd,
        uid: user.uid,
        gid: user.gid,
        groups: [...new Set([...user.groups, ...request.devices.flatMap(({ groups }) => groups)])],
        hostname: op.hostname,
        network: op.network,
        security: op.security,
        mounts,
        shmSizeBytes: op.limits.shmSizeBytes ?? defaultShmBytes,
        ulimits: op.limits.ulimits,
        cgroupParent: op.limits.cgroupParent,
      },
      io,
    )
    rejectFailure(op, exit)
  } finally {
    for (const one of opened) await one[Symbol.asyncDispose]()
    stubs.remove()
  }
}

function environmentOf({ op, secrets, devices }: RunRequest, user: ProcessUser): readonly string[] {
  const values = new Map([...op.unkeyed.proxyEnv, ...op.env].map(({ name, value }) => [name, value]))
  for (const [name, value] of secretEnvironment(op, secrets)) values.set(name, value)
  for (const entry of devices.flatMap(({ env }) => env)) {
    const equals = entry.indexOf('=')
    values.set(entry.slice(0, equals), entry.slice(equals + 1))
  }
  if (!values.has('HOME')) values.set('HOME', user.home)
  return [...values].map(([name, value]) => `${name}=${value}`)
}

function nameResolutionMounts(op: RunOp, scratch: string, stubs: MountStubs): readonly SandboxMount[] {
  const extra = op.extraHosts.map((host, index) => ({ host, address: op.unkeyed.extraHostAddresses[index] ?? '' }))
  const files = { '/etc/resolv.conf': resolvConf(), '/etc/hosts': hostsFile(op.hostname, extra) }
  return Object.entries(files).map(([target, content], index) =>
    fileMount(join(scratch, `etc-${index}`), content, 0o644, stubs.makeFile(target)),
  )
}

function rejectFailure(op: RunOp, exit: SandboxExit): void {
  const command = commandText(op)
  if (exit.kind === 'exited') {
    if (exit.code === 0) return
    throw new BuildError('RUN_FAILED', `${command} ended with exit status ${exit.code}`, { hint: hintFor(exit.code) })
  }
  if (exit.outOfMemory) {
    throw new BuildError('RUN_OUT_OF_MEMORY', `${command} was killed: the machine ran out of memory`, {
      hint: 'Give the build more memory, or make the step use less, such as fewer parallel jobs.',
    })
  }
  throw new BuildError('RUN_SIGNALED', `${command} was killed by ${exit.signal}`)
}

function hintFor(code: number): string | undefined {
  if (code === 127) return 'Status 127 is a shell that did not find a command: is the program installed in this stage?'
  if (code === 126)
    return 'Status 126 is a shell that could not execute a file: is it executable, and built for this platform?'
  return undefined
}

function commandText({ argv }: RunOp): string {
  const text = argv.join(' ')
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}…` : text)
}
