import type { TreeReader } from '../tree/tree-reader.ts'
import { selectSources, walkSelected, type Selection } from './select-sources.ts'

/** Whether what is selected is no more than this; looks no further than it takes to know.
 *  @throws {BuildError} as `selectSources()` */
export function isSmallSelection(
  reader: TreeReader,
  selection: Selection,
  most: { readonly entries: number; readonly bytes: number },
): boolean {
  let [entries, bytes] = [0, 0]
  for (const source of selectSources(reader, selection)) {
    for (const { entry } of walkSelected(reader, source, selection.excludes)) {
      entries++
      if (entry.type === 'file') bytes += entry.sizeBytes
      if (entries > most.entries || bytes > most.bytes) return false
    }
  }
  return true
}
