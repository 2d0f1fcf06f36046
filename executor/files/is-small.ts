import type { FilesOp } from '../../core/ops.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { selectSources, walkSelected, type Selection } from './select-sources.ts'

/** Work of this size is done before a thread or a process could take it over. */
export const smallWork = { entries: 200, bytes: 4 * 1024 * 1024 }

/** Whether the actions copy no more than small work each.
 *  @param sources parallel to the vertex's inputs behind the first
 *  @throws {BuildError} as `selectSources()` */
export function isSmallCopy({ actions }: FilesOp, sources: readonly { readonly reader: TreeReader }[]): boolean {
  return actions.every((action) => {
    const source = action.action === 'copy' ? sources[action.from - 1] : undefined
    return action.action !== 'copy' || source === undefined || isSmallSelection(source.reader, action)
  })
}

/** Whether what is selected is small work; looks no further than it takes to know.
 *  @throws {BuildError} as `selectSources()` */
function isSmallSelection(reader: TreeReader, selection: Selection): boolean {
  let [entries, bytes] = [0, 0]
  for (const source of selectSources(reader, selection)) {
    for (const { entry } of walkSelected(reader, source, selection.excludes)) {
      entries++
      if (entry.type === 'file') bytes += entry.sizeBytes
      if (entries > smallWork.entries || bytes > smallWork.bytes) return false
    }
  }
  return true
}
