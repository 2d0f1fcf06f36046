import { mkdirSync, utimesSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { naming, removeTree, systemCode, uniqueName } from '../disk/index.ts'
import { formatOwner, thisProcess } from './owner.ts'

/** One use of the store by one process: a folder of its own for whatever is not finished yet. Work that is killed leaves the folder
 *  behind, and the next process sweeps it away (`reapStale`). */
export interface Lease extends AsyncDisposable {
  /** Names this use: a valid file name, the folder's own. */
  readonly owner: string
  /** Absolute. On the store's file system, so that what is finished can be renamed into the store. */
  readonly path: string
  /** Makes an empty folder below `path`. It goes with the lease, or earlier, when its maker removes or renames it.
   *  @throws {BuildError} `DISK_FULL` */
  makeFolder(prefix: string): Promise<string>
  /** A path below `path` where nothing is, and that nobody else is given. What is made there goes as a folder does. */
  newPath(prefix: string): string
}

/** Far more often than the day that `reapStale` waits for owners that it cannot see. */
const touchEveryMs = 60 * 60 * 1000

/** Makes `<storeRoot>/tmp/<owner>/`. Disposing removes it, and whatever is in it then. */
export function openLease(storeRoot: string): Lease {
  return new FolderLease(storeRoot)
}

class FolderLease implements Lease {
  readonly owner = formatOwner(thisProcess())
  readonly path: string
  readonly #touching: NodeJS.Timeout

  constructor(storeRoot: string) {
    this.path = join(leasesFolder(storeRoot), this.owner)
    try {
      makeFolderSync(this.path)
    } catch (error) {
      throw naming(this.path, error)
    }
    this.#touching = setInterval(() => this.#touch(), touchEveryMs).unref()
  }

  async makeFolder(prefix: string): Promise<string> {
    const path = this.newPath(prefix)
    try {
      await mkdir(path)
    } catch (error) {
      throw naming(path, error)
    }
    return path
  }

  newPath(prefix: string): string {
    return join(this.path, uniqueName(prefix))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#touching)
    await removeTree(this.path)
  }

  /** For processes that can tell that we live only by the age of our folder. */
  #touch(): void {
    const now = new Date()
    try {
      utimesSync(this.path, now, now)
    } catch {
      // The folder was removed under us: whatever we do next will say so better.
    }
  }
}

export function leasesFolder(storeRoot: string): string {
  return join(storeRoot, 'tmp')
}

function makeFolderSync(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    mkdirSync(path, { recursive: true })
  }
}
