import { lstatSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { isErrno } from '../linux/index.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { readTarget } from '../tree/read-target.ts'
import { rootDirectory, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'

/** Where an entry lies, or would. */
export interface Place {
  /** Absolute: the root, or what a mount shows. */
  readonly base: string
  /** Clean, without a leading `/`. */
  readonly path: string
}

/** What a process will see of a root and of the mounts on it, before anything is mounted. Paths as in a `TreeReader`, free of links. */
export class MountedView implements Pick<TreeReader, 'lstat' | 'readLink'> {
  readonly #root: string
  /** The latest last: it hides what the others show. */
  readonly #covers: { readonly target: string; readonly source: string | undefined }[] = []

  constructor(root: string) {
    this.#root = root
  }

  /** From now on the target shows the source, an absolute path of a directory or a file; `undefined`: an empty directory that is not there yet. */
  cover(target: string, source: string | undefined): void {
    this.#covers.push({ target, source })
  }

  /** `undefined`: in what is not there yet. */
  findPlace(path: string): Place | undefined {
    const cover = this.#covers.findLast(({ target }) => path === target || path.startsWith(`${target}/`))
    if (cover === undefined) return { base: this.#root, path }
    if (cover.source === undefined) return undefined
    return { base: cover.source, path: path.slice(cover.target.length + 1) }
  }

  lstat(path: string): TreeEntry | undefined {
    const place = this.findPlace(path)
    if (place === undefined) return this.#covers.some(({ target }) => target === path) ? rootDirectory : undefined
    const stats = findStats(hostPath(place))
    return stats === undefined ? undefined : entryOfStats(stats)
  }

  readLink(path: string): string {
    const place = this.findPlace(path)
    if (place === undefined) throw new Error(`nothing is at ${path} yet`)
    return readTarget(hostPath(place))
  }
}

export function hostPath({ base, path }: Place): string {
  return path === '' ? base : join(base, path)
}

function findStats(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return undefined
    throw error
  }
}
