import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { setFileTimes } from '../linux/index.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { nameOf, parentOf } from '../tree/tree-reader.ts'
import { hostPath, MountedView, type Place } from './mounted-view.ts'
import { pinDirectory, type PinnedDirectory } from './pinned-directory.ts'

/** Places to mount on, made where the tree lacks them, and taken away again when the process has ended, so that mounts leave no trace in the layer.
 *  Paths are resolved inside the root, and inside what earlier mounts show there: a link in a hostile image, or in a cache that a hostile step has filled, leads nowhere else. */
export class MountStubs {
  readonly #view: MountedView
  readonly #made: { readonly place: Place; readonly kind: 'directory' | 'file' }[] = []
  /** Directories that stubs were made in, with their times before and after that, in nanoseconds. By where they lie. */
  readonly #touched = new Map<string, { readonly place: Place; readonly beforeNs: bigint; afterNs: bigint }>()

  constructor(root: string) {
    this.#view = new MountedView(root)
  }

  /** @returns the absolute path inside the root, free of links.
   *  @throws {BuildError} `MOUNT_INVALID` when a file is there, or in the way */
  makeDirectory(target: string): string {
    const path = this.resolve(target)
    this.#makeDirectories(path)
    return `/${path}`
  }

  /** A directory that stays: `/proc`, `/sys` and `/dev` of a bare base, as BuildKit leaves them, and the working directory. */
  makeLastingDirectory(target: string): string {
    const path = this.resolve(target)
    mkdirSync(hostPath(this.#place(path)), { recursive: true, mode: 0o755 })
    return `/${path}`
  }

  /** @returns the absolute path inside the root, free of links.
   *  @throws {BuildError} `MOUNT_INVALID` when a directory is there, or a file in the way */
  makeFile(target: string): string {
    const path = this.resolve(target)
    const entry = this.#view.lstat(path)
    if (entry?.type === 'directory')
      throw inTheWay(target, `"/${path}" is a directory, and a file cannot stand in for it`)
    if (entry !== undefined) return `/${path}`
    this.#makeDirectories(parentOf(path))
    this.#make(path, 'file')
    return `/${path}`
  }

  /** Says what will be mounted: later targets are looked for in there.
   *  @param target as the functions above give it; @param source `undefined`: something that is made when it is mounted, empty at first. */
  cover(target: string, source: string | undefined): void {
    this.#view.cover(target.slice(1), source)
  }

  /** Where the target is, without a leading `/`. */
  resolve(target: string): string {
    return resolvePath(this.#view, target).path
  }

  /** To be called when the process has ended. Takes away what was made and is still empty; a directory that only this touched gets its time back. What the
   *  process has moved, or reached through links that it put in the way, is its own business: nothing is touched through a link. */
  remove(): void {
    const untouched = [...this.#touched.values()].filter(({ place, afterNs }) => findStats(place)?.mtimeNs === afterNs)
    for (const { place, kind } of this.#made.reverse()) if (findStats(place) !== undefined) removeEmpty(place, kind)
    for (const { place, beforeNs } of untouched) {
      if (findStats(place)?.isDirectory() !== true) continue
      using directory = pinDirectory(place)
      setFileTimes(`${directory.path}/.`, beforeNs)
    }
  }

  #makeDirectories(path: string): void {
    const entry = this.#view.lstat(path)
    if (entry?.type === 'directory') return
    if (entry !== undefined) throw inTheWay(path, `"/${path}" is no directory`)
    this.#makeDirectories(parentOf(path))
    this.#make(path, 'directory')
  }

  /** What will be mounted empty needs no stubs: whoever mounts it makes them in there. */
  #make(path: string, kind: 'directory' | 'file'): void {
    const place = this.#view.findPlace(path)
    if (place === undefined) return
    const parent = this.#place(parentOf(path))
    using directory = pinDirectory(parent)
    const beforeNs = mtimeNs(directory)
    if (kind === 'directory') mkdirSync(join(directory.path, nameOf(path)), { mode: 0o755 })
    else writeFileSync(join(directory.path, nameOf(path)), '', { flag: 'wx', mode: 0o644 })
    const afterNs = mtimeNs(directory)
    const earlier = this.#touched.get(hostPath(parent))
    if (earlier === undefined) this.#touched.set(hostPath(parent), { place: parent, beforeNs, afterNs })
    else earlier.afterNs = afterNs
    this.#made.push({ place, kind })
  }

  #place(path: string): Place {
    const place = this.#view.findPlace(path)
    if (place === undefined) throw new Error(`there is nothing at /${path} yet`)
    return place
  }
}

function removeEmpty({ base, path }: Place, kind: 'directory' | 'file'): void {
  using directory = pinDirectory({ base, path: parentOf(path) })
  const place = join(directory.path, nameOf(path))
  const stats = lstatSync(place, { throwIfNoEntry: false })
  if (kind === 'file' && stats?.isFile() === true && stats.size === 0) rmSync(place)
  if (kind === 'directory' && stats?.isDirectory() === true && readdirSync(place).length === 0) rmdirSync(place)
}

function mtimeNs({ path }: PinnedDirectory): bigint {
  return lstatSync(`${path}/.`, { bigint: true }).mtimeNs
}

/** `undefined` too when a component of the path has become a link. */
function findStats(place: Place): BigIntStats | undefined {
  if (resolvePath(new MountedView(place.base), place.path, false).path !== place.path) return undefined
  return lstatSync(hostPath(place), { bigint: true, throwIfNoEntry: false })
}

function inTheWay(target: string, why: string): BuildError {
  return new BuildError('MOUNT_INVALID', `Cannot mount at ${JSON.stringify(target.replace(/^\/*/, '/'))}: ${why}`)
}
