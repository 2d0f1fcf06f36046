import { closeSync, lstatSync, openSync, readSync } from 'node:fs'
import { readNames } from '../tree/read-names.ts'
import { readTarget } from '../tree/read-target.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { fileXattrs, isOpaque, LayeredTree } from '../tree/layered-tree.ts'
import { joinTreePath, type TreeEntry } from '../tree/tree-reader.ts'

/** One line of a diff: what a layer says about a path. */
export type LayerChange =
  | PresentChange
  /** The lower layers' entry of this path is gone. */
  | { readonly kind: 'removed'; readonly path: string }

export interface PresentChange {
  readonly kind: 'present'
  readonly path: string
  readonly entry: TreeEntry
  /** Where its content, or its target, is read. */
  readonly hostPath: string
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** Of a symbolic link that lies nowhere yet. */
  readonly target?: string | undefined
}

/** What a layer directory changes in the tree below it, in the order of a layer's archive: by path, a directory before what it holds, a removal where
 *  the removed name would stand. Entries that equal what is below are left out, but for directories on the way to a change. An opaque directory
 *  becomes a removal of each name that it hides, never an opaque mark, as BuildKit has it. Sockets have no place in an archive.
 *  @param lower layer directories below, lowest first. */
export function* layerChanges(folder: string, lower: readonly string[]): Generator<LayerChange, void, undefined> {
  yield* new Walk(folder, new LayeredTree(lower)).below('', lower.length > 0, false)
}

const nanosecondsPerSecond = 1_000_000_000n
const compareBytes = 64 * 1024

class Walk {
  readonly #folder: string
  readonly #lower: LayeredTree

  constructor(folder: string, lower: LayeredTree) {
    this.#folder = folder
    this.#lower = lower
  }

  /** @param merged whether the lower layers have a directory here; @param hides whether it is hidden, by an opaque directory here or above. */
  *below(path: string, merged: boolean, hides: boolean): Generator<LayerChange, void, undefined> {
    const own = readNames(this.#place(path))
    const held = new Set(own)
    const opaque = merged && (hides || isOpaque(this.#place(path)))
    const gone = opaque ? this.#lower.readDirectory(path).filter((name) => !held.has(name)) : []
    for (const name of [...own, ...gone].sort()) {
      const child = joinTreePath(path, name)
      if (held.has(name)) yield* this.#entry(child, merged, opaque)
      else yield { kind: 'removed', path: child }
    }
  }

  *#entry(path: string, merged: boolean, hides: boolean): Generator<LayerChange, void, undefined> {
    const hostPath = this.#place(path)
    const stats = lstatSync(hostPath, { bigint: true })
    const below = merged ? this.#lower.lstat(path) : undefined
    if (stats.isCharacterDevice() && stats.rdev === 0n) {
      if (below !== undefined) yield { kind: 'removed', path }
      return
    }
    const entry = entryOfStats(stats)
    if (entry.type === 'socket') return
    const change: LayerChange = { kind: 'present', path, entry, hostPath, xattrs: fileXattrs(hostPath) }
    const changed = below === undefined || !this.#isSame(change, below)
    if (changed) yield change
    if (entry.type !== 'directory') return
    const inside = this.below(path, below?.type === 'directory', hides)
    const first = inside.next()
    if (first.done === true) return
    if (!changed) yield change
    yield first.value
    yield* inside
  }

  /** A file that was only copied up. Times without a fraction of a second come from archives and say little: then the content decides. */
  #isSame({ path, entry, hostPath, xattrs }: PresentChange, below: TreeEntry): boolean {
    const sameAttributes =
      entry.type === below.type &&
      entry.mode === below.mode &&
      entry.uid === below.uid &&
      entry.gid === below.gid &&
      entry.sizeBytes === below.sizeBytes &&
      entry.mtimeNs === below.mtimeNs &&
      entry.deviceMajor === below.deviceMajor &&
      entry.deviceMinor === below.deviceMinor &&
      equalXattrs(xattrs, this.#lower.xattrs(path))
    if (!sameAttributes) return false
    if (entry.type === 'symlink') return readTarget(hostPath) === this.#lower.readLink(path)
    if (entry.type !== 'file' || entry.mtimeNs % nanosecondsPerSecond !== 0n) return true
    return equalContent(hostPath, this.#lower.hostPath(path))
  }

  #place(path: string): string {
    return path === '' ? this.#folder : `${this.#folder}/${path}`
  }
}

function equalXattrs(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  if (a.size !== b.size) return false
  return [...a].every(([name, value]) => {
    const other = b.get(name)
    return other !== undefined && Buffer.compare(value, other) === 0
  })
}

function equalContent(a: string, b: string): boolean {
  const left = openSync(a, 'r')
  const right = openSync(b, 'r')
  try {
    const one = Buffer.allocUnsafe(compareBytes)
    const other = Buffer.allocUnsafe(compareBytes)
    for (;;) {
      const got = readFully(left, one)
      if (got !== readFully(right, other) || one.compare(other, 0, got, 0, got) !== 0) return false
      if (got < compareBytes) return true
    }
  } finally {
    closeSync(left)
    closeSync(right)
  }
}

function readFully(file: number, into: Buffer): number {
  let filled = 0
  while (filled < into.length) {
    const got = readSync(file, into, filled, into.length - filled, null)
    if (got === 0) break
    filled += got
  }
  return filled
}
