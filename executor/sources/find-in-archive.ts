import { ArchiveTree } from './archive-tree.ts'

/** The content of the file that `path` names in an archive, which is not unpacked for it: links are followed as if the archive's root were the root.
 *  `undefined`: nothing is there, or no file. The caller reads it or gives up the loop.
 *  @param archive absolute path; compressed or not
 *  @throws {BuildError} `ARCHIVE_INVALID`; `signal.reason` */
export async function findInArchive(
  archive: string,
  path: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { openArchive, readTar } = await import('../../cache/tar/index.ts')
  const tree = new ArchiveTree()
  let count = 0
  for await (const { entry } of readTar(openArchive(archive))) {
    signal.throwIfAborted()
    tree.add(entry, count++)
  }
  const member = tree.findFile(path)
  return member === undefined ? undefined : contentOf(archive, member)
}

async function* contentOf(archive: string, member: number): AsyncGenerator<Uint8Array> {
  const { openArchive, readTar } = await import('../../cache/tar/index.ts')
  let count = 0
  for await (const { body } of readTar(openArchive(archive))) {
    if (count++ < member) continue
    yield* body
    return
  }
}
