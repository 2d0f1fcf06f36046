import type { Attributes, LayerWriter } from '../files/layer-writer.ts'
import type { TreeReader } from '../tree/tree-reader.ts'

/** The content of an archive's member. */
export interface ArchivedContent {
  readonly sizeBytes: number
  /** Where in the archive it begins. */
  readonly offset: number
  /** Once. Whoever needs it no further need not read it. */
  readonly body: AsyncIterable<Uint8Array>
}

/** A layer that an archive's members are put into: added, and taken away again by later ones. */
export interface ArchiveTarget extends Omit<LayerWriter, 'tree' | 'writeFile' | 'copyFile'> {
  /** What links lead through: the layer as far as it is written, and what shows through from below. */
  readonly tree: Pick<TreeReader, 'lstat' | 'readLink'>
  takeContent(path: string, content: ArchivedContent, attributes: Attributes): Promise<void>
  /** Gives a file other attributes. */
  finishFile(path: string, attributes: Attributes): void
  /** Takes away what this layer holds of the entry, and hides what is below. Whatever takes its place finds nothing there. */
  remove(path: string): void
  /** Hides what lower layers have at the path; what this layer holds there stays. */
  whiteOut(path: string): void
  /** Hides what lower layers have in a directory of this layer. */
  hideLower(path: string): void
}
