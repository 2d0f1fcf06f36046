import type { TreeEntry, TreeReader } from '../tree/tree-reader.ts'

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

/** A layer that files are copied into, on top of the layers below it. Paths are clean, relative to the tree's root, and have been resolved inside the tree: no
 *  component that exists is a symbolic link. What has the path already, other than a directory, is replaced. */
export interface LayerWriter {
  /** The layer as far as it is written, and what shows through from below. */
  readonly tree: TreeReader
  /** Makes the directory and the parents that are missing; what is there stays as it is, and is carried up into this layer.
   *  @throws {BuildError} `COPY_CONFLICT` when something else than a directory is in the way. */
  ensureDirectory(path: string, created?: Partial<Attributes>): void
  /** Gives a directory that is in this layer other attributes. */
  setDirectoryAttributes(path: string, attributes: Attributes): void
  writeFile(path: string, content: Uint8Array | string, attributes: Attributes): void
  /** @param source what is known of the file that is copied */
  copyFile(path: string, hostSource: string, attributes: Attributes, source: TreeEntry): void
  /** A further name for a file of the tree. */
  link(path: string, existing: string): void
  symlink(path: string, target: string, attributes: Attributes): void
  makeNode(path: string, node: SpecialFile, attributes: Attributes): void
  setXattrs(path: string, xattrs: ReadonlyMap<string, Uint8Array>): void
}
