import { mkdirSync, writeFileSync } from 'node:fs'
import type { MemberPlace } from '../../cache/tar/index.ts'
import { ImageArchive } from '../erofs/index.ts'
import { comparePaths } from '../tree/compare-paths.ts'
import { memberParts } from './archive.ts'
import type { ArchivePiece, EarlierArchive } from './cut-revision.ts'
import { layerChanges, type PresentChange } from './layer-changes.ts'
import { findNote, notePath, revisedFiles, type RevisionNote } from './revision-note.ts'

/** Makes a revision: nothing that the earlier layer has may be gone.
 *  @param folder an existing empty one; @param fill writes the layer directory */
export async function writeRevision(
  folder: string,
  earlier: { readonly name: string; readonly image: string },
  fill: (files: string) => Promise<void>,
): Promise<void> {
  const files = revisedFiles(folder)
  mkdirSync(files)
  await fill(files)
  using archive = new ImageArchive(earlier.image)
  const replaced = [...findReplaced(archive, changesIn(files))]
  writeFileSync(notePath(folder), JSON.stringify({ of: earlier.name, replaced } satisfies RevisionNote))
}

/** The archive of the revised layer, as if it had been made anew, in chunks that hold until the next one is asked for.
 *  @param image of the earlier layer */
export function* revisedArchive(image: string, folder: string): Generator<Uint8Array, void, undefined> {
  using archive = new ImageArchive(image)
  for (const piece of revisedPieces(archive, folder)) {
    if (piece.kind === 'kept') yield* archive.read(piece.start, piece.end)
    else yield* piece.chunks
  }
}

/** What that archive consists of.
 *  @param archive of the earlier layer */
export function* revisedPieces(archive: EarlierArchive, folder: string): Generator<ArchivePiece, void, undefined> {
  const { replaced = [] } = findNote(folder) ?? {}
  let at = 0
  for (const [index, change] of changesIn(revisedFiles(folder)).entries()) {
    const place = replaced[index]
    if (place?.path !== change.path) throw new Error(`the revision ${folder} is not what its note says`)
    yield { kind: 'kept', start: at, end: place.start }
    yield { kind: 'new', chunks: memberParts(change) }
    at = place.end
  }
  yield { kind: 'kept', start: at, end: archive.sizeBytes }
}

/** A revision removes nothing, and has no files of several names. */
function changesIn(files: string): readonly PresentChange[] {
  return [...layerChanges(files, [])].map((change) => {
    if (change.kind === 'removed') throw new Error(`a revision removes ${change.path}`)
    return change
  })
}

function* findReplaced(
  archive: ImageArchive,
  changes: readonly PresentChange[],
): Generator<MemberPlace, void, undefined> {
  let next = 0
  let end = 0
  for (const member of archive.members()) {
    for (; next < changes.length; next++) {
      const { path } = changes[next] as PresentChange
      const order = comparePaths(path, member.path)
      if (order > 0) break
      yield order === 0 ? member : { path, start: member.start, end: member.start }
    }
    if (next === changes.length) return
    ;({ end } = member)
  }
  for (const { path } of changes.slice(next)) yield { path, start: end, end }
}
