import { isArchive, openArchive } from './is-archive.ts'
import { readTar } from './read-tar.ts'

/** When the newest file of an archive was last changed, in seconds since 1970. `undefined`: the archive holds none, or is none.
 *  @throws {BuildError} `ARCHIVE_INVALID` for an archive that is damaged further on; `signal.reason` */
export async function findNewestFile(path: string, signal: AbortSignal): Promise<number | undefined> {
  if (!(await isArchive(path))) return undefined
  let newest: number | undefined
  for await (const { entry } of readTar(openArchive(path))) {
    signal.throwIfAborted()
    if (entry.type !== 'file' && entry.type !== 'hardlink') continue
    newest = Math.max(newest ?? entry.mtimeSeconds, entry.mtimeSeconds)
  }
  return newest
}
