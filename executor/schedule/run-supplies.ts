import { takeCacheFolder, type CacheFolder } from '../../cache/cache-mounts/index.ts'
import type { Store } from '../../cache/store.ts'
import type { CacheMount, CacheSharing, RunOp } from '../../core/ops.ts'

/** What a run is given besides trees, for the time that it takes. */
export interface RunSupplies extends AsyncDisposable {
  /** Folders of caches, by the ids of the op. */
  readonly caches: ReadonlyMap<string, string>
}

/** Waits for what others have. Whoever calls this holds no slot: those who have what it waits for may need one.
 *  @throws `signal.reason` when aborted while waiting */
export async function openRunSupplies(op: RunOp, store: Store, signal: AbortSignal): Promise<RunSupplies> {
  const folders: CacheFolder[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(folders.map((folder) => folder[Symbol.asyncDispose]()))
  }
  try {
    // In one order everywhere, so that no two wait for each other.
    const wanted = [...sharingById(op)].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [id, sharing] of wanted) folders.push(await takeCacheFolder(store, storeId(op, id), sharing, signal))
    return {
      caches: new Map(wanted.map(([id], index) => [id, folders[index]?.path ?? ''])),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
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
