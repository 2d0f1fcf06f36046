import { lstatSync, mkdirSync, renameSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { copyInto } from '../files/copy.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { fileXattrs, LayeredTree } from '../tree/layered-tree.ts'
import { readNames } from '../tree/read-names.ts'
import { joinTreePath, parentOf, type TreeEntry } from '../tree/tree-reader.ts'
import type { ActiveRoot } from './active-root.ts'

/** Copies layers into one directory, for machines that let us mount nothing: slower than an overlay, the same result. Files are shared by
 *  reference where the file system can (reflink). What changed is found by comparing every entry's attributes, change time included, with those
 *  right after the copy.
 *  @param folder an empty folder; @param lower layer directories, lowest first. */
export async function openCopiedRoot(folder: string, lower: readonly string[]): Promise<ActiveRoot> {
  const path = join(folder, 'root')
  mkdirSync(path)
  await copyTree(lower, path)
  const before = indexOf(path)
  return {
    path,
    freeze: () => Promise.resolve(moveChanges(folder, path, lower, before)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function copyTree(lower: readonly string[], destination: string): Promise<void> {
  const layer = new LayerFolder(destination, [], 0n)
  const tree = new UnlinkedTree(lower)
  const root = tree.lstat('')
  if (root !== undefined && lower.length > 0) layer.setDirectoryAttributes('', root)
  await copyInto(
    layer,
    tree,
    {
      action: 'copy',
      from: 0,
      sources: ['/'],
      destination: '/',
      wildcards: false,
      unpack: 'never',
      owner: undefined,
      mode: undefined,
      excludes: [],
      parents: false,
    },
    undefined,
    () => Promise.resolve(false),
  )
  layer.close()
}

/** Each name is a file of its own, since overlayfs has it so: what is written to one name of a file from a lower layer does not show under the others. */
class UnlinkedTree extends LayeredTree {
  override lstat(path: string): TreeEntry | undefined {
    const entry = super.lstat(path)
    return entry === undefined ? undefined : { ...entry, linkCount: 1 }
  }
}

type Index = ReadonlyMap<string, BigIntStats>

function indexOf(root: string): Index {
  const index = new Map<string, BigIntStats>()
  const visit = (path: string) => {
    const stats = lstatSync(path === '' ? root : join(root, path), { bigint: true })
    index.set(path, stats)
    if (stats.isDirectory()) for (const name of readNames(join(root, path))) visit(joinTreePath(path, name))
  }
  visit('')
  return index
}

/** Entries are moved, not copied: the whole tree has served its purpose. */
function moveChanges(folder: string, root: string, lower: readonly string[], before: Index): string {
  const upper = join(folder, 'upper')
  mkdirSync(upper)
  const layer = new LayerFolder(upper, lower, 0n)
  const after = indexOf(root)
  for (const [path, stats] of after) {
    if (path === '' || isSame(before.get(path), stats)) continue
    const entry = entryOfStats(stats)
    if (entry.type === 'directory') {
      if (before.get(path)?.isDirectory() === false) layer.whiteOut(path)
      layer.ensureDirectory(path)
      layer.setDirectoryAttributes(path, entry)
      layer.setXattrs(path, fileXattrs(join(root, path)))
    } else {
      layer.ensureDirectory(parentOf(path))
      renameSync(join(root, path), join(upper, path))
    }
  }
  for (const path of before.keys()) {
    if (after.has(path) || !after.has(parentOf(path)) || after.get(parentOf(path))?.isDirectory() === false) continue
    layer.ensureDirectory(parentOf(path))
    layer.whiteOut(path)
  }
  layer.close()
  return upper
}

function isSame(before: BigIntStats | undefined, after: BigIntStats): boolean {
  return before !== undefined && before.ctimeNs === after.ctimeNs && before.ino === after.ino
}
