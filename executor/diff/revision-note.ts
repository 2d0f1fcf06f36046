import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MemberPlace } from '../../cache/tar/index.ts'

/** What a revision says of itself. A revision is a layer that is nearly the same as an earlier one, kept as what is new in it: a folder with a layer directory,
 *  which goes on top of the earlier layer's image, and this note. */
export interface RevisionNote {
  /** Name of the earlier layer. */
  readonly of: string
  /** Where that image's archive is another now, from its beginning; an entry that is added takes the place of nothing. */
  readonly replaced: readonly MemberPlace[]
}

/** The layer directory in a revision's folder. */
export function revisedFiles(folder: string): string {
  return join(folder, 'files')
}

export function notePath(folder: string): string {
  return join(folder, 'note.json')
}

/** `undefined`: there is no such folder. */
export function findNote(folder: string): RevisionNote | undefined {
  if (!existsSync(folder)) return undefined
  return JSON.parse(readFileSync(notePath(folder), 'utf8')) as RevisionNote
}
