import { open } from 'node:fs/promises'
import { archiveChunks } from '../diff/archive.ts'
import type { PresentChange } from '../diff/layer-changes.ts'
import { joinTreePath, type TreeReader } from '../tree/tree-reader.ts'

/** Writes the whole tree as one archive without whiteouts, to a new file, which is the caller's to remove when this fails. */
export async function exportTar(tree: TreeReader, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    // Not `write()`, which may write less than it is given: on a disk that is full just then, nothing would tell.
    for (const chunk of archiveChunks(entriesBelow(tree, ''))) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

function* entriesBelow(tree: TreeReader, directory: string): Generator<PresentChange> {
  for (const name of tree.readDirectory(directory)) {
    const path = joinTreePath(directory, name)
    const entry = tree.lstat(path)
    if (entry === undefined || entry.type === 'socket') continue
    yield { kind: 'present', path, entry, hostPath: tree.hostPath(path), xattrs: tree.xattrs(path) }
    if (entry.type === 'directory') yield* entriesBelow(tree, path)
  }
}
