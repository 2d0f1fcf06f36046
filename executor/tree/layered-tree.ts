import { lstatSync } from 'node:fs'
import { getXattr, isErrno, listXattrs, setXattr } from '../linux/index.ts'
import { readNames } from './read-names.ts'
import { readTarget } from './read-target.ts'
import { entryOfStats } from './stat-entry.ts'
import { nameOf, parentOf, rootDirectory, type TreeEntry, type TreeReader } from './tree-reader.ts'

/** Layer directories in overlayfs's own form stacked on each other, seen as one tree without a mount: whiteouts are character devices 0/0,
 *  opaque directories carry the `overlay.opaque` attribute.
 *  @see https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories */
export class LayeredTree implements TreeReader {
  readonly #roots: readonly string[]
  /** Directory -> its places in the layers that show through, topmost first. */
  readonly #places = new Map<string, readonly string[]>()

  /** @param roots absolute paths of layer directories, lowest first, as a `Tree` has them. */
  constructor(roots: readonly string[]) {
    this.#roots = [...roots].reverse()
  }

  lstat(path: string): TreeEntry | undefined {
    if (path === '' && this.#roots.length === 0) return rootDirectory
    const place = this.#find(path)
    return place === undefined ? undefined : entryAt(place)
  }

  readDirectory(path: string): readonly string[] {
    const places = this.#placesOf(path)
    const [top] = places
    if (top === undefined) return []
    if (places.length === 1 && path !== '') return readNames(top).filter((name) => !isWhiteout(joinPlace(top, name)))
    const shown = new Set<string>()
    const decided = new Set<string>()
    for (const place of places) {
      for (const name of readNames(place)) {
        if (decided.has(name)) continue
        decided.add(name)
        if (!isWhiteout(joinPlace(place, name))) shown.add(name)
      }
    }
    return [...shown].sort()
  }

  readLink(path: string): string {
    return readTarget(this.hostPath(path))
  }

  hostPath(path: string): string {
    const place = this.#find(path)
    if (place === undefined) throw new Error(`the tree has no entry ${JSON.stringify(path)}`)
    return place
  }

  xattrs(path: string): ReadonlyMap<string, Uint8Array> {
    return fileXattrs(this.hostPath(path))
  }

  /** Forgets what is known of a directory, after the topmost layer has got it or lost it. */
  forget(path: string): void {
    if (!this.#places.delete(path)) return // then nothing is known of what it holds either
    const below = `${path}/`
    for (const known of this.#places.keys()) if (known.startsWith(below)) this.#places.delete(known)
  }

  #find(path: string): string | undefined {
    if (path === '') return this.#roots[0]
    const name = nameOf(path)
    for (const parent of this.#placesOf(parentOf(path))) {
      const place = joinPlace(parent, name)
      const stats = lstatSync(place, { throwIfNoEntry: false })
      if (stats === undefined) continue
      return stats.isCharacterDevice() && stats.rdev === 0 ? undefined : place
    }
    return undefined
  }

  #placesOf(path: string): readonly string[] {
    const known = this.#places.get(path)
    if (known !== undefined) return known
    const places = path === '' ? this.#roots : this.#findDirectory(path)
    this.#places.set(path, places)
    return places
  }

  #findDirectory(path: string): readonly string[] {
    const name = nameOf(path)
    const places: string[] = []
    const parents = this.#placesOf(parentOf(path))
    for (const [index, parent] of parents.entries()) {
      const place = joinPlace(parent, name)
      const stats = lstatSync(place, { throwIfNoEntry: false })
      if (stats === undefined) continue
      if (!stats.isDirectory()) break // a file or a whiteout: nothing below it shows
      places.push(place)
      if (index < parents.length - 1 && isOpaque(place)) break
    }
    return places
  }
}

/** Attributes that belong to the file itself and so to its layer. */
export function fileXattrs(hostPath: string): ReadonlyMap<string, Uint8Array> {
  const all = listXattrs(hostPath)
  if (all.size === 0) return all
  return new Map([...all].filter(([name]) => name === 'security.capability' || isUserAttribute(name)))
}

function isUserAttribute(name: string): boolean {
  return name.startsWith('user.') && !name.startsWith('user.overlay.')
}

/** Whether the directory hides what lower layers have of it. */
export function isOpaque(hostPath: string): boolean {
  return isSet(getXattr(hostPath, 'trusted.overlay.opaque')) || isSet(getXattr(hostPath, 'user.overlay.opaque'))
}

/** Makes the directory hide what lower layers have of it. `trusted.` attributes are for the machine's root alone; inside a user namespace overlayfs
 *  reads `user.` ones (mount option `userxattr`). */
export function setOpaque(hostPath: string): void {
  try {
    setXattr(hostPath, 'trusted.overlay.opaque', opaqueValue)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
    setXattr(hostPath, 'user.overlay.opaque', opaqueValue)
  }
}

const opaqueValue = Buffer.from('y')

function isSet(value: Uint8Array | undefined): boolean {
  return value?.length === 1 && value[0] === 0x79 // 'y'; 'x' marks a directory with xattr whiteouts, which is not opaque
}

/** Whether the entry says that lower layers' entry of this name is gone. */
export function isWhiteout(hostPath: string): boolean {
  const stats = lstatSync(hostPath, { throwIfNoEntry: false })
  return stats !== undefined && stats.isCharacterDevice() && stats.rdev === 0
}

function entryAt(hostPath: string): TreeEntry {
  return entryOfStats(lstatSync(hostPath, { bigint: true }))
}

function joinPlace(parent: string, name: string): string {
  return `${parent}/${name}`
}
