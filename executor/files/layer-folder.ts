import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  lstatSync,
} from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import { makeNode, setFileTimes, setXattr } from '../linux/index.ts'
import { isWhiteout, LayeredTree, setOpaque } from '../tree/layered-tree.ts'
import { parentOf } from '../tree/tree-reader.ts'

export interface Attributes {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
}

export interface SpecialFile {
  readonly type: 'fifo' | 'character-device' | 'block-device'
  readonly deviceMajor: number
  readonly deviceMinor: number
}

/** A layer directory being written, on top of the layers below it. Writes go to the directory alone; what is below is only looked at. Paths are
 *  clean, relative to the tree's root, and have been resolved inside the tree: no component that exists is a symbolic link. */
export class LayerFolder {
  readonly tree: LayeredTree
  readonly #folder: string
  readonly #created: Attributes
  /** Directories that this layer is known to hold. */
  readonly #held = new Set<string>([''])
  /** Times are set last, since writing into a directory changes its own. */
  readonly #directoryTimes = new Map<string, bigint>()

  /** @param folder an existing empty directory; @param lower layer directories, lowest first; @param nowNs the time that new parents get. */
  constructor(folder: string, lower: readonly string[], nowNs: bigint) {
    this.#folder = folder
    this.#created = { mode: 0o755, uid: 0, gid: 0, mtimeNs: nowNs }
    this.tree = new LayeredTree([...lower, folder])
    this.#adoptRoot(lower)
  }

  /** Makes the directory and the parents that are missing; what is there stays as it is, and is carried up into this layer.
   *  @throws {BuildError} `COPY_CONFLICT` when something else than a directory is in the way. */
  ensureDirectory(path: string, created: Partial<Attributes> = {}): void {
    if (this.#held.has(path)) return
    const entry = this.tree.lstat(path)
    if (entry !== undefined && entry.type !== 'directory') {
      throw new BuildError('COPY_CONFLICT', `Cannot make directory "/${path}": a ${entry.type} of that name is there`)
    }
    this.ensureDirectory(parentOf(path), created)
    const xattrs = entry === undefined ? undefined : this.tree.xattrs(path)
    const wasRemoved = isWhiteout(this.#place(path))
    if (wasRemoved) rmSync(this.#place(path))
    mkdirSync(this.#place(path))
    this.#dressDirectory(path, entry ?? { ...this.#created, ...created })
    if (xattrs !== undefined) this.setXattrs(path, xattrs)
    if (wasRemoved) setOpaque(this.#place(path))
    this.#held.add(path)
    this.tree.forget(path)
  }

  /** Gives a directory that is in this layer other attributes. */
  setDirectoryAttributes(path: string, attributes: Attributes): void {
    this.#dressDirectory(path, attributes)
  }

  writeFile(path: string, content: Uint8Array | string, attributes: Attributes): void {
    this.#makeRoom(path)
    writeFileSync(this.#place(path), content, { flag: 'wx' })
    this.#dress(path, attributes)
  }

  /** Makes an empty file to write to; `finishFile()` gives it its attributes when that is done.
   *  @returns a file descriptor, which the caller closes. */
  createFile(path: string): number {
    this.#makeRoom(path)
    return openSync(this.#place(path), 'wx')
  }

  finishFile(path: string, attributes: Attributes): void {
    this.#dress(path, attributes)
  }

  /** Copies by reference where the file system can (reflink). */
  copyFile(path: string, hostSource: string, attributes: Attributes): void {
    this.#makeRoom(path)
    copyFileSync(hostSource, this.#place(path), constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    this.#dress(path, attributes)
  }

  /** A further name for a file that this layer holds already. */
  link(path: string, existing: string): void {
    this.#makeRoom(path)
    linkSync(this.#place(existing), this.#place(path))
  }

  symlink(path: string, target: string, attributes: Attributes): void {
    this.#makeRoom(path)
    symlinkSync(target, this.#place(path))
    lchownSync(this.#place(path), attributes.uid, attributes.gid)
    setFileTimes(this.#place(path), attributes.mtimeNs)
  }

  makeNode(path: string, node: SpecialFile, attributes: Attributes): void {
    this.#makeRoom(path)
    makeNode(this.#place(path), node.type, node.deviceMajor, node.deviceMinor)
    this.#dress(path, attributes)
  }

  setXattrs(path: string, xattrs: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, value] of xattrs) setXattr(this.#place(path), name, value)
  }

  /** Takes away what this layer holds of the entry, and hides what is below. */
  remove(path: string): void {
    rmSync(this.#place(path), { recursive: true, force: true })
    for (const held of this.#held) if (held === path || held.startsWith(`${path}/`)) this.#held.delete(held)
    this.tree.forget(path)
  }

  /** Hides what lower layers have at the path; what this layer holds there stays. */
  whiteOut(path: string): void {
    const place = this.#place(path)
    const own = lstatSync(place, { throwIfNoEntry: false })
    if (own === undefined) makeNode(place, 'character-device', 0, 0)
    else if (own.isDirectory()) setOpaque(place)
    this.tree.forget(path)
  }

  /** Hides what lower layers have in a directory of this layer. */
  hideLower(path: string): void {
    setOpaque(this.#place(path))
    this.tree.forget(path)
  }

  /** Ends the writing: directories get their times. */
  close(): void {
    for (const [path, mtimeNs] of [...this.#directoryTimes].reverse()) setFileTimes(this.#place(path), mtimeNs)
    this.#directoryTimes.clear()
  }

  #adoptRoot(lower: readonly string[]): void {
    this.#dressDirectory('', lower.length > 0 ? (new LayeredTree(lower).lstat('') ?? this.#created) : this.#created)
  }

  #makeRoom(path: string): void {
    this.ensureDirectory(parentOf(path))
    const place = this.#place(path)
    if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) rmSync(place, { recursive: true })
    this.tree.forget(path)
  }

  #dressDirectory(path: string, { mode, uid, gid, mtimeNs }: Attributes): void {
    const place = this.#place(path)
    lchownSync(place, uid, gid)
    chmodSync(place, mode)
    this.#directoryTimes.set(path, mtimeNs)
  }

  #dress(path: string, { mode, uid, gid, mtimeNs }: Attributes): void {
    const place = this.#place(path)
    lchownSync(place, uid, gid)
    chmodSync(place, mode) // after chown, which clears setuid
    setFileTimes(place, mtimeNs)
  }

  #place(path: string): string {
    return path === '' ? this.#folder : `${this.#folder}/${path}`
  }
}
