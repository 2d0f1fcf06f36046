import type { ImageNode, NodeType } from './image-node.ts'

/** As small as EROFS has it, and as large as what contents are aligned to in an archive. */
export const blockBytes = 512
const blockBits = 9
/** Where the archive begins: behind the superblock, on a page. */
export const archiveOffset = 4096
const superblockOffset = 1024
const superblockMagic = 0xe0f5e1e2

/** Inodes are named by their distance from the first, in such units. */
const inodeUnit = 32
const extendedInodeBytes = 64
const direntBytes = 12
const xattrHeaderBytes = 12

/** The first inode is the root's; number 0 is none to some programs. */
const rootNumber = 2

const modeBits: Readonly<Record<NodeType, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
}

const direntTypes: Readonly<Record<NodeType, number>> = {
  file: 1,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  fifo: 5,
  symlink: 7,
}

const xattrPrefixes: readonly (readonly [prefix: string, index: number])[] = [
  ['user.', 1],
  ['trusted.', 4],
  ['security.', 6],
]

/** What makes an archive a file system: a superblock at the beginning of the file, and inodes and directories behind the archive. Nothing is
 *  compressed, every file's content is where the archive has it, and names are in the order of their bytes.
 *  @see https://docs.kernel.org/filesystems/erofs.html
 *  @see https://erofs.docs.kernel.org/en/latest/core_ondisk.html */
export interface ImageMetadata {
  /** For offset 0, `archiveOffset` bytes. */
  readonly head: Uint8Array
  /** For `tailOffset`. */
  readonly tail: Uint8Array
  readonly tailOffset: number
}

/** @param archiveBytes size of the archive that lies at `archiveOffset`, to which the offsets of contents refer */
export function encodeMetadata(root: ImageNode, archiveBytes: number): ImageMetadata {
  const tailOffset = roundUp(archiveOffset + archiveBytes, blockBytes)
  const tail = new Tail(root, tailOffset / blockBytes).encode()
  return { head: encodeHead(tailOffset / blockBytes, (tailOffset + tail.length) / blockBytes), tail, tailOffset }
}

/** Where the archive in an image ends, up to the block, by the image's head.
 *  @returns undefined if that is no head of an image of ours */
export function findArchiveEnd(head: Buffer): number | undefined {
  if (head.length < superblockOffset + 44 || head.readUInt32LE(superblockOffset) !== superblockMagic) return undefined
  return head.readUInt32LE(superblockOffset + 40) * blockBytes
}

function encodeHead(metadataBlock: number, blocks: number): Uint8Array {
  const head = Buffer.alloc(archiveOffset)
  const superblock = head.subarray(superblockOffset)
  superblock.writeUInt32LE(superblockMagic, 0)
  superblock.writeUInt8(blockBits, 12)
  superblock.writeUInt16LE(rootNumber, 14)
  superblock.writeUInt32LE(blocks, 36)
  superblock.writeUInt32LE(metadataBlock, 40)
  return head
}

interface Placed {
  readonly number: number
  readonly linkCount: number
}

class Tail {
  readonly #root: ImageNode
  readonly #firstBlock: number
  readonly #placed = new Map<ImageNode, Placed>()
  /** Directories and links' targets, in blocks behind the inodes. */
  readonly #contents: Uint8Array[] = []
  #contentBlocks = 0
  #inodeBytes = rootNumber * inodeUnit

  constructor(root: ImageNode, firstBlock: number) {
    this.#root = root
    this.#firstBlock = firstBlock
  }

  encode(): Uint8Array {
    this.#place(this.#root)
    const inodes = Buffer.alloc(roundUp(this.#inodeBytes, blockBytes))
    this.#write(this.#root, this.#root, inodes)
    return Buffer.concat([inodes, ...this.#contents])
  }

  /** Gives every node its number, those of a directory next to each other, and counts names. */
  #place(node: ImageNode): void {
    const known = this.#placed.get(node)
    if (known !== undefined) {
      this.#placed.set(node, { ...known, linkCount: known.linkCount + 1 })
      return
    }
    // An inode without attributes never lies across two blocks.
    const start = roundUp(this.#inodeBytes, extendedInodeBytes)
    this.#inodeBytes = start + extendedInodeBytes + xattrBytes(node)
    const directories = [...node.children.values()].filter(({ type }) => type === 'directory').length
    const linkCount = node.type === 'directory' ? 2 + directories : 1
    this.#placed.set(node, { number: start / inodeUnit, linkCount })
    for (const child of node.children.values()) this.#place(child)
  }

  #write(node: ImageNode, parent: ImageNode, inodes: Buffer): void {
    const { number, linkCount } = this.#placeOf(node)
    const at = number * inodeUnit
    if (inodes.readUInt16LE(at) !== 0) return // by another name
    const [contentBlock, sizeBytes] = this.#contentOf(node, parent)
    const extended = 1 // and the lowest layout, a run of blocks
    inodes.writeUInt16LE(extended, at)
    inodes.writeUInt16LE(xattrCount(node), at + 2)
    inodes.writeUInt16LE(modeBits[node.type] | node.mode, at + 4)
    inodes.writeBigUInt64LE(BigInt(sizeBytes), at + 8)
    inodes.writeUInt32LE(contentBlock, at + 16)
    inodes.writeUInt32LE(number, at + 20)
    inodes.writeUInt32LE(node.uid, at + 24)
    inodes.writeUInt32LE(node.gid, at + 28)
    const [seconds, nanoseconds] = splitTime(node.mtimeNs)
    inodes.writeBigInt64LE(seconds, at + 32)
    inodes.writeUInt32LE(nanoseconds, at + 40)
    inodes.writeUInt32LE(linkCount, at + 44)
    writeXattrs(node, inodes, at + extendedInodeBytes)
    for (const child of node.children.values()) this.#write(child, node, inodes)
  }

  #placeOf(node: ImageNode): Placed {
    const placed = this.#placed.get(node)
    if (placed === undefined) throw new Error('a node of the image has no place')
    return placed
  }

  /** The block where a file's content begins, or a device's number; and the size. */
  #contentOf(node: ImageNode, parent: ImageNode): readonly [block: number, sizeBytes: number] {
    switch (node.type) {
      case 'file':
        return [(archiveOffset + node.contentOffset) / blockBytes, node.sizeBytes]
      case 'directory':
        return this.#keep(encodeDirectory(this.#direntsOf(node, parent)))
      case 'symlink':
        return this.#keep(Buffer.from(node.target))
      case 'character-device':
      case 'block-device':
        return [encodeDevice(node), 0]
      case 'fifo':
        return [0, 0]
      default:
        return node.type satisfies never
    }
  }

  #direntsOf(node: ImageNode, parent: ImageNode): readonly Dirent[] {
    const names = [...node.children].map(([name, child]) => ({ name: Buffer.from(name), node: child }))
    const all = [{ name: Buffer.from('.'), node }, { name: Buffer.from('..'), node: parent }, ...names]
    return all
      .sort((a, b) => Buffer.compare(a.name, b.name))
      .map((item) => ({ name: item.name, number: this.#placeOf(item.node).number, type: item.node.type }))
  }

  #keep(content: Uint8Array): readonly [block: number, sizeBytes: number] {
    const firstContent = this.#firstBlock + roundUp(this.#inodeBytes, blockBytes) / blockBytes
    const block = firstContent + this.#contentBlocks
    const padded = new Uint8Array(roundUp(content.length, blockBytes))
    padded.set(content)
    this.#contents.push(padded)
    this.#contentBlocks += padded.length / blockBytes
    return [block, content.length]
  }
}

interface Dirent {
  readonly name: Uint8Array
  readonly number: number
  readonly type: NodeType
}

/** Block by block: entries, then their names. All blocks but the last are full. */
function encodeDirectory(dirents: readonly Dirent[]): Uint8Array {
  const blocks: Buffer[] = []
  for (let next = 0; next < dirents.length;) {
    let bytes = 0
    const first = next
    for (; next < dirents.length; next++) {
      const needed = direntBytes + (dirents[next]?.name.length ?? 0)
      if (bytes + needed > blockBytes) break
      bytes += needed
    }
    const isLast = next === dirents.length
    blocks.push(encodeDirectoryBlock(dirents.slice(first, next), isLast ? bytes : blockBytes))
  }
  return Buffer.concat(blocks)
}

function encodeDirectoryBlock(dirents: readonly Dirent[], sizeBytes: number): Buffer {
  const block = Buffer.alloc(sizeBytes)
  let nameOffset = dirents.length * direntBytes
  for (const [index, { name, number, type }] of dirents.entries()) {
    const at = index * direntBytes
    block.writeBigUInt64LE(BigInt(number), at)
    block.writeUInt16LE(nameOffset, at + 8)
    block.writeUInt8(direntTypes[type], at + 10)
    block.set(name, nameOffset)
    nameOffset += name.length
  }
  return block
}

/** As the kernel packs device numbers on disk. */
function encodeDevice({ deviceMajor, deviceMinor }: ImageNode): number {
  return ((deviceMinor & 0xff) | (deviceMajor << 8) | ((deviceMinor & ~0xff) << 12)) >>> 0
}

function xattrCount(node: ImageNode): number {
  const bytes = xattrBytes(node)
  return bytes === 0 ? 0 : (bytes - xattrHeaderBytes) / 4 + 1
}

function xattrBytes({ xattrs }: ImageNode): number {
  if (xattrs.size === 0) return 0
  return [...xattrs].reduce((sum, [name, value]) => sum + xattrEntryBytes(name, value), xattrHeaderBytes)
}

function xattrEntryBytes(name: string, value: Uint8Array): number {
  return roundUp(4 + splitXattrName(name).rest.length + value.length, 4)
}

function writeXattrs({ xattrs }: ImageNode, target: Buffer, offset: number): void {
  let at = offset + xattrHeaderBytes
  for (const [name, value] of xattrs) {
    const { index, rest } = splitXattrName(name)
    target.writeUInt8(rest.length, at)
    target.writeUInt8(index, at + 1)
    target.writeUInt16LE(value.length, at + 2)
    target.set(rest, at + 4)
    target.set(value, at + 4 + rest.length)
    at += xattrEntryBytes(name, value)
  }
}

function splitXattrName(name: string): { readonly index: number; readonly rest: Uint8Array } {
  for (const [prefix, index] of xattrPrefixes) {
    if (name.startsWith(prefix)) return { index, rest: Buffer.from(name.slice(prefix.length)) }
  }
  throw new Error(`an image cannot hold the attribute ${name}`)
}

function splitTime(timeNs: bigint): readonly [seconds: bigint, nanoseconds: number] {
  const perSecond = 1_000_000_000n
  const nanoseconds = ((timeNs % perSecond) + perSecond) % perSecond
  return [(timeNs - nanoseconds) / perSecond, Number(nanoseconds)]
}

function roundUp(count: number, unit: number): number {
  return Math.ceil(count / unit) * unit
}
