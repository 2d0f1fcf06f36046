import type { HistoryEntry, ImageFile } from '../../core/image.ts'

/** Some tools write images whose history tells of fewer or more layers than there are. A history that follows must be able to rely on it: entries are
 *  added for layers without one, and entries without a layer are marked as such. */
export function repairHistory(file: ImageFile): ImageFile {
  let left = file.rootfs.diff_ids.length
  const told = file.history.map((entry): HistoryEntry => {
    if (entry.empty_layer === true) return entry
    if (left === 0) return { ...entry, empty_layer: true }
    left--
    return entry
  })
  if (left === 0) return { ...file, history: told }
  const added: HistoryEntry = { created: file.created, comment: 'buildkit.exporter.image.v0' }
  return { ...file, history: [...told, ...Array<HistoryEntry>(left).fill(added)] }
}
