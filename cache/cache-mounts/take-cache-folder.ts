import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { CacheSharing } from '../../core/ops.ts'
import type { Store } from '../store.ts'

/** One directory of a cache mount, ours until disposed of. */
export interface CacheFolder extends AsyncDisposable {
  readonly id: string
  /** Absolute. Whoever finds nothing there makes it, whole: `data/` is what mounts show. */
  readonly path: string
}

/** Gives the directory that mounts of this id show. An id has a first directory, which `shared` users have together and `locked` ones alone, and more for `private` users who
 *  find the others taken; those are used again. The same here and in other processes.
 *  @throws `signal.reason` when aborted while waiting */
export async function takeCacheFolder(
  store: Store,
  id: string,
  sharing: CacheSharing,
  signal: AbortSignal,
): Promise<CacheFolder> {
  if (sharing === 'private') return takeFree(store, id, signal)
  const lock = await store.lock(keyOf(id, 0), signal, sharing === 'shared' ? 'shared' : 'exclusive')
  return { id, path: pathOf(store, id, 0), [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() }
}

async function takeFree(store: Store, id: string, signal: AbortSignal): Promise<CacheFolder> {
  // Two who choose at once would see each other, and both go on to the next.
  await using _choosing = await store.lock(`cache choice ${id}`, signal)
  for (let number = 0; ; number++) {
    const lock = await store.tryLock(keyOf(id, number))
    if (lock === undefined) continue
    return { id, path: pathOf(store, id, number), [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() }
  }
}

function keyOf(id: string, number: number): string {
  return `cache ${number} ${id}`
}

function pathOf({ cachesFolder }: Store, id: string, number: number): string {
  return join(cachesFolder, createHash('sha256').update(id).digest('hex'), String(number))
}
