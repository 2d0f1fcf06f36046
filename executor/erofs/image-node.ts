import type { Attributes } from '../files/layer-writer.ts'
import type { EntryType } from '../tree/tree-reader.ts'

/** A file of an image, of whatever type. Two names of one file are one node. */
export interface ImageNode extends Attributes {
  readonly type: Exclude<EntryType, 'socket'>
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** Of a symbolic link; else empty. */
  readonly target: string
  /** Of a file's content, which lies in the archive. */
  readonly contentOffset: number
  readonly sizeBytes: number
  /** Of a directory; else empty. */
  readonly children: ReadonlyMap<string, ImageNode>
}

export type NodeType = ImageNode['type']
