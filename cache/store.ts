import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { BuildError } from '../core/errors.ts'
import { openDiskBlobs, type BlobFiles } from './blobs/index.ts'
import { systemCode } from './disk/index.ts'
import { openFactStore, type FactStore } from './facts/index.ts'
import { openImageNames, type ImageNames } from './images/index.ts'
import { lockKey, openLease, reapStale, tryLockKey, type KeyLock, type Lease, type LockMode } from './leases/index.ts'

/** All that outlives a build, on one disk of one machine. Safe to use from several processes and to kill at any instant: what is in it is whole. */
export interface Store extends AsyncDisposable {
  /** Absolute; ends with the version of the layout. */
  readonly root: string
  readonly facts: FactStore
  readonly blobs: BlobFiles
  readonly images: ImageNames
  /** This process's place for what is not finished yet. */
  readonly lease: Lease
  /** Absolute, present: holds a folder for each layer that is unpacked, named by `layerName()`. */
  readonly layersFolder: string
  /** Absolute: holds the directories of cache mounts (cache-mounts/). Nothing need be there yet. */
  readonly cachesFolder: string
  /** Waits until no other build, here or in another process, holds `key`, but for those that it is shared with. The lock goes with the store, at the latest.
   *  @throws `signal.reason` when aborted while waiting */
  lock(key: string, signal?: AbortSignal, mode?: LockMode): Promise<KeyLock>
  /** Holds `key` alone; `undefined`: that cannot be had at once. */
  tryLock(key: string): Promise<KeyLock | undefined>
  /** Sweeps away what killed processes left unfinished. */
  reapStale(): Promise<void>
}

/** The layout of the store: a program that changes it takes the next one, and leaves this alone. */
const version = 'v1'

/** Where the store below `home`, an absolute path, is. */
export function storeRoot(home: string): string {
  return join(home, version)
}

/** Opens the store below `home` (`$STAVE_HOME`), and makes it when it is missing. Costs a few system calls. Disposing gives up the lease.
 *
 *      v1/facts/<kind>/…       small JSON values (facts/)
 *      v1/blobs/sha256/<hex>   bytes by their digest (blobs/)
 *      v1/layers/<name>/       unpacked layers, or <name>.erofs, an image of one
 *      v1/caches/<hash>/<n>/   directories of cache mounts (cache-mounts/)
 *      v1/tmp/<owner>/         unfinished work of one process (leases/)
 *      v1/locks/<hash>~…       who holds which key (leases/)
 *
 *  @throws {BuildError} `STORE_INVALID`, `DISK_FULL` */
export function openStore(home: string): Store {
  const root = storeRoot(resolve(home))
  const layersFolder = join(root, 'layers')
  try {
    mkdirSync(layersFolder, { recursive: true, mode: 0o700 }) // layers hold other people's setuid programs
    return new DiskStore(root, layersFolder, openLease(root))
  } catch (error) {
    throw explained(root, error)
  }
}

class DiskStore implements Store {
  readonly root: string
  readonly layersFolder: string
  readonly cachesFolder: string
  readonly lease: Lease
  readonly facts: FactStore
  readonly blobs: BlobFiles
  readonly images: ImageNames

  constructor(root: string, layersFolder: string, lease: Lease) {
    this.root = root
    this.layersFolder = layersFolder
    this.cachesFolder = join(root, 'caches')
    this.lease = lease
    this.facts = openFactStore(join(root, 'facts'), { stagingFolder: lease.path })
    this.blobs = openDiskBlobs(join(root, 'blobs'), lease.path)
    this.images = openImageNames(this.facts)
  }

  async lock(key: string, signal?: AbortSignal, mode?: LockMode): Promise<KeyLock> {
    return lockKey(this.root, key, this.lease, signal, mode)
  }

  async tryLock(key: string): Promise<KeyLock | undefined> {
    return tryLockKey(this.root, key, this.lease)
  }

  async reapStale(): Promise<void> {
    await reapStale(this.root)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lease[Symbol.asyncDispose]()
  }
}

const causes: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'a part of the path is no folder',
}

function explained(root: string, error: unknown): unknown {
  const cause = causes[systemCode(error) ?? '']
  if (cause === undefined) return error
  return new BuildError('STORE_INVALID', `Cannot open the store ${root}: ${cause}`, {
    hint: 'Point STAVE_HOME at a folder that this user owns.',
    cause: error,
  })
}
