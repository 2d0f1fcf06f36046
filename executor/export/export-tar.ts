import { open } from 'node:fs/promises'
import { archiveChunks } from '../diff/archive.ts'
import type { PresentChange } from '../diff/layer-changes.ts'
import { joinTreePath, rootDirectory, type TreeReader } from '../tree/tree-reader.ts'

/** A tree, and the folder of the archive that it goes below; empty for none. */
export interface PlacedTree {
  readonly tree: TreeReader
  readonly below: string
}

/** Writes whole trees as one archive without whiteouts, to a new file, which is the caller's to remove when this fails. */
export async function exportTar(trees: readonly PlacedTree[], path: string): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    // Not `write()`, which may write less than it is given: on a disk that is full just then, nothing would tell.
    for (const chunk of archiveChunks(entriesOf(trees))) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

function* entriesOf(trees: readonly PlacedTree[]): Generator<PresentChange> {
  for (const { tree, below } of trees) {
    if (below === '') {
      yield* entriesBelow(tree, '')
      continue
    }
    yield { kind: 'present', path: below, entry: rootDirectory, hostPath: tree.hostPath(''), xattrs: new Map() }
    for (const change of entriesBelow(tree, '')) yield { ...change, path: `${below}/${change.path}` }
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
