import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { CacheMount } from '../../core/ops.ts'
import { exportFolder } from '../export/export-folder.ts'
import { isErrno } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { changeOwner } from './change-owner.ts'

export interface CacheDirectoryRequest {
  readonly mount: CacheMount
  /** Where the cache is kept; perhaps nothing is there yet. */
  readonly folder: string
  /** What a new cache begins as. */
  readonly seed: string | undefined
  /** A path where nothing is yet, on the store's file system. */
  readonly staging: string
}

/** Gives the directory that a cache mount shows, and makes it when there is none: whole, or not at all.
 *
 *      id      what it is the cache of, for people
 *      data/   what mounts show
 *
 *  @returns its absolute path
 *  @throws {BuildError} `MOUNT_INVALID` */
export async function openCacheDirectory(request: CacheDirectoryRequest): Promise<string> {
  const { folder } = request
  const data = join(folder, 'data')
  recover(data)
  if (!existsSync(data)) await makeCache(request)
  const now = new Date()
  utimesSync(folder, now, now) // whoever clears the store up sees by it when the cache was last used
  return data
}

/** A process that was killed while it put a new directory in the place of the old one has left one of them. */
function recover(data: string): void {
  if (existsSync(data) || !existsSync(dirname(data))) return
  const left = readdirSync(dirname(data)).find((name) => name.startsWith(`${basename(data)}.`))
  if (left !== undefined) renameSync(join(dirname(data), left), data)
}

async function makeCache({ mount, folder, seed, staging }: CacheDirectoryRequest): Promise<void> {
  const data = join(staging, 'data')
  mkdirSync(data, { recursive: true, mode: 0o755 })
  writeFileSync(join(staging, 'id'), mount.id)
  if (seed !== undefined) await copySeed(seed, data, mount)
  const present = lstatSync(data)
  changeOwner(data, mount.target, mount.uid ?? present.uid, mount.gid ?? present.gid)
  if (mount.mode !== undefined) chmodSync(data, mount.mode)
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 })
  try {
    renameSync(staging, folder)
  } catch (error) {
    // Another user of the cache has made it meanwhile.
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
    rmSync(staging, { recursive: true })
  }
}

async function copySeed(seed: string, data: string, { target }: CacheMount): Promise<void> {
  if (!lstatSync(seed).isDirectory()) {
    throw new BuildError('MOUNT_INVALID', `Cannot begin the cache for ${JSON.stringify(target)} with a file`, {
      hint: 'The source of a cache mount must be a directory.',
    })
  }
  await exportFolder(new LayeredTree([seed]), data, undefined)
}
