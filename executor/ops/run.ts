import { lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { Mount, RunOp } from '../../core/ops.ts'
import { Accounts, type ProcessUser } from '../accounts/accounts.ts'
import type { Sandbox, SandboxExit, SandboxIo, SandboxMount } from '../sandbox/index.ts'
import type { ActiveRoot } from '../snapshot/active-root.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { MountStubs } from './mount-stubs.ts'
import { hostsFile, resolvConf } from './name-resolution-files.ts'

/** Docker's. */
const defaultShmBytes = 64 * 1024 * 1024

export interface RunRequest {
  readonly op: RunOp
  /** Parallel to the vertex's inputs behind the first: what bind mounts show. */
  readonly sources: readonly BindSource[]
  /** An empty folder of this run's own. */
  readonly scratch: string
}

/** A tree that a bind mount takes its source from: the folder that shows all of it. */
export interface BindSource {
  readonly root: string
}

/** Runs the process on the root and leaves the root as the layer's writer wants it: without mount targets that only the run needed.
 *  @throws {BuildError} `RUN_FAILED`, `RUN_SIGNALED`, `RUN_OUT_OF_MEMORY`, `RUN_COMMAND_NOT_FOUND`, `RUN_USER_UNKNOWN`, `SANDBOX_FAILED` */
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
  const cwd = stubs.makeLastingDirectory(op.cwd)
  try {
    const mounts = [...nameResolutionMounts(op, scratch, stubs), ...requestedMounts(request, stubs)]
    const exit = await sandbox.run(
      {
        root: root.path,
        scratch,
        argv: op.argv,
        env: environmentOf(op, user),
        cwd,
        uid: user.uid,
        gid: user.gid,
        groups: user.groups,
        hostname: op.hostname,
        network: op.network,
        security: op.security,
        mounts,
        shmSizeBytes: op.limits.shmSizeBytes ?? defaultShmBytes,
        ulimits: op.limits.ulimits,
      },
      io,
    )
    rejectFailure(op, exit)
  } finally {
    stubs.remove()
  }
}

function environmentOf(op: RunOp, user: ProcessUser): readonly string[] {
  const values = new Map([...op.unkeyed.proxyEnv, ...op.env].map(({ name, value }) => [name, value]))
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

function requestedMounts({ op, sources, scratch }: RunRequest, stubs: MountStubs): readonly SandboxMount[] {
  return op.mounts.map((mount, index): SandboxMount => {
    switch (mount.kind) {
      case 'file':
        return fileMount(join(scratch, `file-${index}`), mount.content, mount.mode, stubs.makeFile(mount.target))
      case 'tmpfs':
        return { kind: 'tmpfs', target: stubs.makeDirectory(mount.target), sizeBytes: mount.sizeBytes, mode: 0o1777 }
      case 'bind':
        return bindMount(mount, sources, join(scratch, `bind-${index}`), stubs)
      default:
        return mount satisfies never
    }
  })
}

function fileMount(source: string, content: string, mode: number, target: string): SandboxMount {
  writeFileSync(source, content, { mode })
  return { kind: 'bind', source, target, readOnly: true, hardened: true, noExec: (mode & 0o111) === 0 }
}

function bindMount(
  mount: Extract<Mount, { kind: 'bind' }>,
  sources: readonly BindSource[],
  emptyFolder: string,
  stubs: MountStubs,
): SandboxMount {
  const from = sources[mount.from - 1]
  if (from === undefined) throw new Error(`the run has no input ${mount.from}`)
  const found = resolvePath(new LayeredTree([from.root]), mount.source)
  if (found.entry === undefined) {
    throw new BuildError(
      'COPY_SOURCE_MISSING',
      `Cannot mount ${JSON.stringify(mount.source)}: there is no such file or directory`,
    )
  }
  mkdirSync(emptyFolder, { recursive: true })
  const source = join(from.root, found.path)
  const isDirectory = lstatSync(source).isDirectory()
  const target = isDirectory ? stubs.makeDirectory(mount.target) : stubs.makeFile(mount.target)
  return { kind: 'bind', source, target, readOnly: mount.readOnly, hardened: false, noExec: false }
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
