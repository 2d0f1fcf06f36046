import { takeCacheFolder, type CacheFolder } from '../../cache/cache-mounts/index.ts'
import type { Store } from '../../cache/store.ts'
import { BuildError } from '../../core/errors.ts'
import type { DeviceEdits } from '../ops/devices.ts'
import type { CacheMount, CacheSharing, RunOp, SecretMount, SshMount } from '../../core/ops.ts'

/** What the caller and the machine have for runs to use. `undefined`: there is none of this id. */
export interface RunProvisions {
  findSecret(id: string): Promise<Uint8Array | undefined>
  /** Absolute path of a socket. */
  findAgent(id: string): Promise<string | undefined>
  /** What the machine's devices of these names need, without those that are neither there nor required.
   *  @throws {BuildError} `DEVICE_NOT_FOUND`, `DEVICE_INVALID` */
  findDevices(wanted: RunOp['devices']): Promise<readonly DeviceEdits[]>
}

/** What a run is given besides trees, for the time that it takes. By the ids of the op. */
export interface RunSupplies {
  /** Folders of caches. */
  readonly caches: ReadonlyMap<string, string>
  /** Those that the caller has. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
  /** Sockets of the agents that the caller has. */
  readonly agents: ReadonlyMap<string, string>
  readonly devices: readonly DeviceEdits[]
}

/** Waits for what others have. Whoever calls this holds no slot: those who have what it waits for may need one.
 *  @throws {BuildError} `SECRET_NOT_FOUND`, `SSH_AGENT_NOT_FOUND`, `DEVICE_NOT_FOUND`, `DEVICE_INVALID`
 *  @throws `signal.reason` when aborted while waiting */
export async function openRunSupplies(
  op: RunOp,
  store: Store,
  provisions: RunProvisions,
  signal: AbortSignal,
): Promise<RunSupplies & AsyncDisposable> {
  const secrets = await findSecrets(op, provisions)
  const agents = await findAgents(op, provisions)
  const devices = op.devices.length === 0 ? [] : await provisions.findDevices(op.devices)
  const folders: CacheFolder[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(folders.map((folder) => folder[Symbol.asyncDispose]()))
  }
  try {
    // In one order everywhere, so that no two wait for each other.
    const wanted = [...sharingById(op)].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [id, sharing] of wanted) folders.push(await takeCacheFolder(store, storeId(op, id), sharing, signal))
    const caches = new Map(wanted.map(([id], index) => [id, folders[index]?.path ?? '']))
    return { caches, secrets, agents, devices, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function findSecrets(op: RunOp, provisions: RunProvisions): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  const files = op.mounts.filter((mount): mount is SecretMount => mount.kind === 'secret')
  for (const { id, required } of [...files, ...op.secretVariables]) {
    const value = await provisions.findSecret(id)
    if (value !== undefined) found.set(id, value)
    else if (required) throw secretNotFound(id)
  }
  return found
}

async function findAgents({ mounts }: RunOp, provisions: RunProvisions): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const { id, required } of mounts.filter((mount): mount is SshMount => mount.kind === 'ssh')) {
    const socket = await provisions.findAgent(id)
    if (socket !== undefined) found.set(id, socket)
    else if (required) throw agentNotFound(id)
  }
  return found
}

function agentNotFound(id: string): BuildError {
  return new BuildError('SSH_AGENT_NOT_FOUND', `ssh agent ${id}: not found`, {
    hint: `Give it with --ssh ${id}, if SSH_AUTH_SOCK names one, or with --ssh ${id}=SOCKET or --ssh ${id}=KEY.`,
  })
}

function secretNotFound(id: string): BuildError {
  return new BuildError('SECRET_NOT_FOUND', `secret ${id}: not found`, {
    hint: `Give it with --secret id=${id},src=PATH, or with --secret id=${id},env=NAME.`,
  })
}

/** A step that mounts an id several times has one directory, on the strictest terms. */
function sharingById({ mounts }: RunOp): ReadonlyMap<string, CacheSharing> {
  const strictestFirst: readonly CacheSharing[] = ['locked', 'private', 'shared']
  const caches = mounts.filter((mount): mount is CacheMount => mount.kind === 'cache')
  return new Map(
    caches.map(({ id }) => {
      const all = caches.filter((other) => other.id === id).map(({ sharing }) => sharing)
      return [id, strictestFirst.find((sharing) => all.includes(sharing)) ?? 'shared']
    }),
  )
}

function storeId({ unkeyed: { cacheNamespace } }: RunOp, id: string): string {
  return `${cacheNamespace}/${id}`
}
