import { BuildError } from '../../core/errors.ts'
import type { PresentChange } from '../diff/layer-changes.ts'
import { NeedsFolder } from '../files/layer-recipe.ts'
import type { Attributes, SpecialFile } from '../files/layer-writer.ts'
import { joinTreePath, nameOf, parentOf, rootDirectory, type TreeEntry } from '../tree/tree-reader.ts'
import type { ArchiveTarget, ArchivedContent } from '../unpack/archive-target.ts'
import type { ImageNode, NodeType } from './image-node.ts'

/** A layer as it will lie in an image: what is in it is noted down, and contents stay where the archive has them. In overlayfs's own form, as a
 *  `LayerFolder` on top of nothing. What an image cannot hold is left to a folder, by `NeedsFolder`: the file system there has the last word. */
export class ImageLayer implements ArchiveTarget {
  readonly tree: ArchiveTarget['tree']
  readonly root: ImageNode
  readonly #created: Attributes
  readonly #nodes = new Map<string, MutableNode>()

  /** @param attributes of the root; @param nowNs the time that new parents get */
  constructor(attributes: Attributes, nowNs: bigint) {
    const root = nodeOf('directory', attributes)
    this.root = root
    this.#created = { mode: 0o755, uid: 0, gid: 0, mtimeNs: nowNs }
    this.#nodes.set('', root)
    this.tree = {
      lstat: (path) => this.#lstat(path),
      readLink: (path) => this.#held(path).target,
    }
  }

  /** Adds an entry of a layer whose parents have been added.
   *  @param contentOffset where its archive has its content */
  add({ path, entry, xattrs, target = '' }: PresentChange, contentOffset: number): void {
    const { type, sizeBytes, deviceMajor, deviceMinor } = entry
    if (type === 'socket') throw new Error('a socket has no place in an archive')
    this.#put(path, { ...nodeOf(type, entry), target, sizeBytes, contentOffset, deviceMajor, deviceMinor })
    this.setXattrs(path, xattrs)
  }

  ensureDirectory(path: string, created: Partial<Attributes> = {}): void {
    const there = this.#nodes.get(path)
    if (there?.type === 'directory') return
    if (there !== undefined && !isWhiteout(there))
      throw new BuildError('COPY_CONFLICT', `Cannot make directory "/${path}": a ${there.type} of that name is there`)
    this.ensureDirectory(parentOf(path), created)
    this.#put(path, nodeOf('directory', { ...this.#created, ...created }))
    if (there !== undefined) this.hideLower(path)
  }

  setDirectoryAttributes(path: string, attributes: Attributes): void {
    this.finishFile(path, attributes)
  }

  finishFile(path: string, { mode, uid, gid, mtimeNs }: Attributes): void {
    Object.assign(this.#held(path), { mode, uid, gid, mtimeNs })
  }

  takeContent(path: string, { offset, sizeBytes }: ArchivedContent, attributes: Attributes): Promise<void> {
    this.ensureDirectory(parentOf(path))
    this.#put(path, { ...nodeOf('file', attributes), sizeBytes, contentOffset: offset })
    return Promise.resolve()
  }

  link(path: string, existing: string): void {
    this.ensureDirectory(parentOf(path))
    this.#put(path, this.#held(existing))
  }

  symlink(path: string, target: string, attributes: Attributes): void {
    this.ensureDirectory(parentOf(path))
    this.#put(path, { ...nodeOf('symlink', attributes), target })
  }

  makeNode(path: string, { type, deviceMajor, deviceMinor }: SpecialFile, attributes: Attributes): void {
    this.ensureDirectory(parentOf(path))
    this.#put(path, { ...nodeOf(type, attributes), deviceMajor, deviceMinor })
  }

  setXattrs(path: string, xattrs: ReadonlyMap<string, Uint8Array>): void {
    if (xattrs.size === 0) return
    const node = this.#held(path)
    node.xattrs = new Map([...node.xattrs, ...xattrs])
    if (!fitsXattrs(node.xattrs)) throw new NeedsFolder(`the attributes of /${path} are too large`)
  }

  remove(path: string): void {
    this.ensureDirectory(parentOf(path))
    this.#put(path, whiteout())
  }

  whiteOut(path: string): void {
    this.ensureDirectory(parentOf(path))
    const there = this.#nodes.get(path)
    if (there === undefined) this.#put(path, whiteout())
    else if (there.type === 'directory') this.hideLower(path)
  }

  hideLower(path: string): void {
    const node = this.#held(path)
    node.xattrs = new Map([...node.xattrs, ['trusted.overlay.opaque', Buffer.from('y')]])
  }

  #lstat(path: string): TreeEntry | undefined {
    if (path === '') return rootDirectory
    const node = this.#nodes.get(path)
    if (node === undefined || isWhiteout(node)) return undefined
    const { type, mode, uid, gid, mtimeNs, sizeBytes, deviceMajor, deviceMinor } = node
    const counts = { linkCount: 1, fileId: '', ctimeNs: mtimeNs }
    return { type, mode, uid, gid, mtimeNs, sizeBytes, deviceMajor, deviceMinor, ...counts }
  }

  #held(path: string): MutableNode {
    const node = this.#nodes.get(path)
    if (node === undefined) throw new Error(`the image has no ${path}`)
    return node
  }

  #put(path: string, node: MutableNode): void {
    if (!fits(path, node)) throw new NeedsFolder(`/${path} is nothing that an image holds`)
    if (this.#nodes.size >= mostNodes) throw new NeedsFolder('the layer has too many files to keep them all in mind')
    if (this.#nodes.get(path)?.type === 'directory') this.#forget(path)
    this.#nodes.set(path, node)
    this.#held(parentOf(path)).children.set(nameOf(path), node)
  }

  #forget(path: string): void {
    for (const name of this.#held(path).children.keys()) {
      const child = joinTreePath(path, name)
      if (this.#held(child).type === 'directory') this.#forget(child)
      this.#nodes.delete(child)
    }
  }
}

/** Some 160 MB. */
const mostNodes = 200_000

type MutableNode = {
  -readonly [Field in keyof ImageNode]: Field extends 'children' ? Map<string, MutableNode> : ImageNode[Field]
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()
/** Of all that are no directories. Nobody adds to it. */
const noChildren = new Map<string, MutableNode>()

function nodeOf(type: NodeType, { mode, uid, gid, mtimeNs }: Attributes): MutableNode {
  const content = { target: '', contentOffset: 0, sizeBytes: 0, deviceMajor: 0, deviceMinor: 0 }
  // Linux has no others for links: symlink(7).
  return {
    type,
    mode: type === 'symlink' ? 0o777 : mode,
    uid,
    gid,
    mtimeNs,
    ...content,
    xattrs: noXattrs,
    children: type === 'directory' ? new Map<string, MutableNode>() : noChildren,
  }
}

function whiteout(): MutableNode {
  return nodeOf('character-device', { mode: 0, uid: 0, gid: 0, mtimeNs: 0n })
}

function isWhiteout({ type, deviceMajor, deviceMinor }: ImageNode): boolean {
  return type === 'character-device' && deviceMajor === 0 && deviceMinor === 0
}

/** NAME_MAX, and a path's length with its end: limits.h(0p). */
const [longestName, longestTarget] = [255, 4095]
/** What a device number has room for. */
const [highestMajor, highestMinor] = [0xfff, 0xf_ffff]

function fits(path: string, { type, target, deviceMajor, deviceMinor }: ImageNode): boolean {
  const targetBytes = Buffer.byteLength(target)
  return (
    Buffer.byteLength(nameOf(path)) <= longestName &&
    (type !== 'symlink' || (targetBytes > 0 && targetBytes <= longestTarget)) &&
    deviceMajor <= highestMajor &&
    deviceMinor <= highestMinor
  )
}

/** What the kernel takes of a file's attributes: xattr(7). */
const mostXattrBytes = 65_536

function fitsXattrs(xattrs: ReadonlyMap<string, Uint8Array>): boolean {
  let bytes = 0
  for (const [name, value] of xattrs) {
    if (Buffer.byteLength(name) > longestName) return false
    bytes += name.length + value.length
  }
  return bytes < mostXattrBytes
}
