import type { TreeReader } from '../tree/tree-reader.ts'
import { ContextTree } from './context-tree.ts'
import { FileTree, type NamedFile } from './file-tree.ts'

/** Files that come from outside the graph, as plain data: a folder less what is ignored, or one file. They count as root's. */
export type OutsideTree =
  | { readonly kind: 'context'; readonly root: string; readonly ignore: readonly string[] }
  | ({ readonly kind: 'file' } & NamedFile)

export function readerOfOutside(source: OutsideTree): TreeReader {
  return source.kind === 'context' ? new ContextTree(source.root, source.ignore) : new FileTree(source)
}
