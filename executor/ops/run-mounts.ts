import { lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { CacheMount, Mount, RunOp, SshMount } from '../../core/ops.ts'
import type { SandboxMount } from '../sandbox/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { openAgentSocket } from './agent-socket.ts'
import { openCacheDirectory } from './cache-directory.ts'
import type { MountStubs } from './mount-stubs.ts'
import { secretFile, type SecretValues } from './secrets.ts'

/** A tree that mounts take their source from: the folder that shows all of it. */
export interface BindSource {
  readonly root: string
}

export interface MountSources {
  /** Parallel to the vertex's inputs behind the first. */
  readonly sources: readonly BindSource[]
  /** Folders of caches, by the ids of the op. */
  readonly caches: ReadonlyMap<string, string>
  readonly secrets: SecretValues
  /** Sockets of ssh agents, by the ids of the op. */
  readonly agents: ReadonlyMap<string, string>
  /** An empty folder of this run's own. */
  readonly scratch: string
  /** The same, on the store's file system. */
  readonly staging: string
}

/** Makes ready what the op wants mounted, and the places for it. In the order of mounting: what lies below something else comes behind it.
 *  @param opened what has to be ended with the process is put here
 *  @throws {BuildError} `COPY_SOURCE_MISSING`, `MOUNT_INVALID`, `SANDBOX_UNAVAILABLE` */
export async function requestedMounts(
  op: RunOp,
  from: MountSources,
  stubs: MountStubs,
  opened: AsyncDisposable[],
): Promise<readonly SandboxMount[]> {
  const mounts: SandboxMount[] = []
  for (const wanted of [...op.mounts].sort((a, b) => (a.target < b.target ? -1 : 1))) {
    if (!isHad(wanted, from)) continue
    refuseSystemTarget(wanted.target, stubs.resolve(wanted.target))
    const mount = await prepare(wanted, mounts.length, from, stubs, opened)
    stubs.cover(mount.target, mount.kind === 'bind' ? mount.source : undefined)
    mounts.push(mount)
  }
  return mounts
}

/** What the caller does not have, and what is not required, is not mounted. */
function isHad(mount: Mount, { secrets, agents }: MountSources): boolean {
  if (mount.kind === 'ssh') return agents.has(mount.id)
  return mount.kind !== 'secret' || secrets.has(mount.id)
}

/** @param path where the target is, links followed, without a leading `/` */
function refuseSystemTarget(target: string, path: string): void {
  if (path !== '' && path !== 'dev' && !/^(?:proc|sys)(?:\/|$)/.test(path)) return
  const where = path === target.slice(1) ? '' : `: that is /${path}`
  throw new BuildError('MOUNT_INVALID', `Cannot mount at ${JSON.stringify(target)}${where}`, {
    hint: 'The root, /dev, and all of /proc and /sys are the sandbox’s own.',
  })
}

async function prepare(
  mount: Mount,
  index: number,
  from: MountSources,
  stubs: MountStubs,
  opened: AsyncDisposable[],
): Promise<SandboxMount> {
  switch (mount.kind) {
    case 'file':
      return fileMount(join(from.scratch, `file-${index}`), mount.content, mount.mode, stubs.makeFile(mount.target))
    case 'tmpfs':
      return { kind: 'tmpfs', target: stubs.makeDirectory(mount.target), sizeBytes: mount.sizeBytes, mode: 0o1777 }
    case 'bind':
      return bindMount(mount, from, stubs)
    case 'cache':
      return cacheMount(mount, index, from, stubs)
    case 'secret': {
      const value = from.secrets.get(mount.id) ?? new Uint8Array()
      return secretFile(mount, value, join(from.scratch, `secret-${index}`), stubs.makeFile(mount.target))
    }
    case 'ssh':
      return sshMount(mount, index, from, stubs, opened)
    default:
      return mount satisfies never
  }
}

/** A small file of our own, to be read only. */
export function fileMount(source: string, content: string, mode: number, target: string): SandboxMount {
  writeFileSync(source, content, { mode })
  return { kind: 'bind', source, target, readOnly: true, hardened: true, noExec: (mode & 0o111) === 0 }
}

function bindMount(
  { target, from, source, readOnly }: Extract<Mount, { kind: 'bind' }>,
  { sources }: MountSources,
  stubs: MountStubs,
): SandboxMount {
  const shown = findSource(sources, from, source)
  const place = lstatSync(shown).isDirectory() ? stubs.makeDirectory(target) : stubs.makeFile(target)
  return { kind: 'bind', source: shown, target: place, readOnly, hardened: false, noExec: false }
}

async function cacheMount(
  mount: CacheMount,
  index: number,
  { sources, caches, staging }: MountSources,
  stubs: MountStubs,
): Promise<SandboxMount> {
  const folder = caches.get(mount.id)
  if (folder === undefined) throw new Error(`the run has no folder for the cache ${mount.id}`)
  const source = await openCacheDirectory({
    mount,
    folder,
    seed: mount.seed && findSource(sources, mount.seed.from, mount.seed.source),
    staging: join(staging, `cache-${index}`),
  })
  const target = stubs.makeDirectory(mount.target)
  return { kind: 'bind', source, target, readOnly: mount.readOnly, hardened: false, noExec: false }
}

async function sshMount(
  mount: SshMount,
  index: number,
  { agents, scratch }: MountSources,
  stubs: MountStubs,
  opened: AsyncDisposable[],
): Promise<SandboxMount> {
  const agent = agents.get(mount.id)
  if (agent === undefined) throw new Error(`the run has no agent ${mount.id}`)
  const socket = await openAgentSocket(agent, join(scratch, `ssh-${index}`), mount)
  opened.push(socket)
  const target = stubs.makeFile(mount.target)
  return { kind: 'bind', source: socket.path, target, readOnly: true, hardened: true, noExec: true }
}

function findSource(sources: readonly BindSource[], input: number, path: string): string {
  const from = sources[input - 1]
  if (from === undefined) throw new Error(`the run has no input ${input}`)
  const found = resolvePath(new LayeredTree([from.root]), path)
  if (found.entry !== undefined) return join(from.root, found.path)
  throw new BuildError(
    'COPY_SOURCE_MISSING',
    `Cannot mount ${JSON.stringify(path)}: there is no such file or directory`,
  )
}
