import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
  lstatSync,
} from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import { descriptorPath, isErrno, makeNode, setFileTimes, setXattr } from '../linux/index.ts'
import { LayeredTree, setOpaque } from '../tree/layered-tree.ts'
import { openFile } from '../tree/open-file.ts'
import { parentOf, type TreeEntry } from '../tree/tree-reader.ts'
import type { ArchiveTarget, ArchivedContent } from '../unpack/archive-target.ts'
import type { Attributes, LayerWriter, SpecialFile } from './layer-writer.ts'

/** Up to this size a file of an archive is gathered and written in one go. */
const smallFileBytes = 1024 * 1024

/** Up to this size a file is copied with fewer calls than the kernel would have to be asked for. */
const copyBuffer = Buffer.allocUnsafe(32 * 1024)

/** A layer directory being written. Writes go to the directory alone; what is below is only looked at. */
export class LayerFolder implements LayerWriter, ArchiveTarget {
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

  ensureDirectory(path: string, created: Partial<Attributes> = {}): void {
    if (this.#held.has(path)) return
    const entry = this.tree.lstat(path)
    if (entry !== undefined && entry.type !== 'directory') {
      throw new BuildError('COPY_CONFLICT', `Cannot make directory "/${path}": a ${entry.type} of that name is there`)
    }
    this.ensureDirectory(parentOf(path), created)
    const own = lstatSync(this.#place(path), { throwIfNoEntry: false })
    if (own?.isDirectory() !== true) this.#makeDirectory(path, own !== undefined, entry, created)
    this.#held.add(path)
  }

  setDirectoryAttributes(path: string, attributes: Attributes): void {
    this.#dressDirectory(path, attributes)
  }

  writeFile(path: string, content: Uint8Array | string, attributes: Attributes): void {
    this.#makeRoom(path)
    writeFileSync(this.#place(path), content, { flag: 'wx' })
    this.#dress(path, attributes)
  }

  async takeContent(path: string, { sizeBytes, body }: ArchivedContent, attributes: Attributes): Promise<void> {
    if (sizeBytes <= smallFileBytes) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      const [only] = chunks
      this.writeFile(path, chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks), attributes)
      return
    }
    this.#makeRoom(path)
    const file = openSync(this.#place(path), 'wx')
    try {
      for await (const chunk of body) {
        for (let written = 0; written < chunk.length;) written += writeSync(file, chunk, written)
      }
    } finally {
      closeSync(file)
    }
    this.#dress(path, attributes)
  }

  finishFile(path: string, attributes: Attributes): void {
    this.#dress(path, attributes)
  }

  /** Copies by reference where the file system can (reflink), unless that takes longer than to copy. */
  copyFile(
    path: string,
    hostSource: string,
    attributes: Attributes,
    { sizeBytes }: Pick<TreeEntry, 'sizeBytes'>,
  ): void {
    this.#makeRoom(path)
    const source = openFile(hostSource)
    try {
      copyOpened(source, sizeBytes, this.#place(path))
    } finally {
      closeSync(source)
    }
    this.#dress(path, attributes)
  }

  /** A further name for a file of the tree. One of a lower layer is carried up first, as the kernel does it on an overlay. */
  link(path: string, existing: string): void {
    if (lstatSync(this.#place(existing), { throwIfNoEntry: false }) === undefined) this.#carryUp(existing)
    this.#makeRoom(path)
    linkSync(this.#place(existing), this.#place(path))
  }

  symlink(path: string, target: string, attributes: Attributes): void {
    this.#makeRoom(path)
    symlinkSync(target, this.#place(path))
    changeOwner(this.#place(path), attributes.uid, attributes.gid)
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

  remove(path: string): void {
    this.#makeRoom(path)
    makeNode(this.#place(path), 'character-device', 0, 0)
  }

  whiteOut(path: string): void {
    this.ensureDirectory(parentOf(path))
    const place = this.#place(path)
    const own = lstatSync(place, { throwIfNoEntry: false })
    if (own === undefined) makeNode(place, 'character-device', 0, 0)
    else if (own.isDirectory()) setOpaque(place)
    this.tree.forget(path)
  }

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

  #makeDirectory(path: string, wasRemoved: boolean, below: TreeEntry | undefined, created: Partial<Attributes>): void {
    const place = this.#place(path)
    const xattrs = below === undefined ? undefined : this.tree.xattrs(path)
    if (wasRemoved) rmSync(place)
    mkdirSync(place)
    this.#dressDirectory(path, below ?? { ...this.#created, ...created })
    if (xattrs !== undefined) this.setXattrs(path, xattrs)
    if (wasRemoved) setOpaque(place)
    this.tree.forget(path)
  }

  /** Copies a file of a lower layer, with all that belongs to it. */
  #carryUp(path: string): void {
    const entry = this.tree.lstat(path)
    if (entry?.type !== 'file') {
      throw new BuildError(
        'UNSUPPORTED',
        `Cannot give "/${path}" a further name: it is a ${entry?.type ?? 'missing file'}`,
      )
    }
    const xattrs = this.tree.xattrs(path)
    this.copyFile(path, this.tree.hostPath(path), entry, entry)
    this.setXattrs(path, xattrs)
  }

  #makeRoom(path: string): void {
    this.ensureDirectory(parentOf(path))
    const place = this.#place(path)
    const own = lstatSync(place, { throwIfNoEntry: false })
    if (own !== undefined) rmSync(place, { recursive: true })
    if (own?.isDirectory() === true) this.#forgetDirectory(path)
    this.tree.forget(path)
  }

  #forgetDirectory(path: string): void {
    for (const held of [...this.#held, ...this.#directoryTimes.keys()]) {
      if (held !== path && !held.startsWith(`${path}/`)) continue
      this.#held.delete(held)
      this.#directoryTimes.delete(held)
    }
  }

  #dressDirectory(path: string, { mode, uid, gid, mtimeNs }: Attributes): void {
    const place = this.#place(path)
    changeOwner(place, uid, gid)
    chmodSync(place, mode)
    this.#directoryTimes.set(path, mtimeNs)
  }

  #dress(path: string, { mode, uid, gid, mtimeNs }: Attributes): void {
    const place = this.#place(path)
    changeOwner(place, uid, gid)
    chmodSync(place, mode) // after chown, which clears setuid
    setFileTimes(place, mtimeNs)
  }

  #place(path: string): string {
    return path === '' ? this.#folder : `${this.#folder}/${path}`
  }
}

/** @param source a file of which nothing has been read; @param place where nothing is yet */
function copyOpened(source: number, sizeBytes: number, place: string): void {
  const got = sizeBytes < copyBuffer.length ? readSync(source, copyBuffer, 0, copyBuffer.length, null) : undefined
  if (got === sizeBytes) writeFileSync(place, copyBuffer.subarray(0, got), { flag: 'wx', mode: 0o600 })
  else copyFileSync(descriptorPath(source), place, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
}

/** A user namespace has only the ids that it maps: chown(2) answers `EINVAL` to others. Without one, an ordinary user has no ids but their own. */
function changeOwner(place: string, uid: number, gid: number): void {
  try {
    lchownSync(place, uid, gid)
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'EPERM')) throw error
    throw new BuildError('UNSUPPORTED', `Cannot give a file to ${uid}:${gid}: these ids are not this user's to give`, {
      hint: 'Give your user a range of ids in /etc/subuid and /etc/subgid that is large enough, or build as root.',
      cause: error,
    })
  }
}
