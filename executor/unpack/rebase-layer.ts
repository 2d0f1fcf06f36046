import { lstatSync, linkSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { LayerFolder } from '../files/layer-folder.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { fileXattrs, isOpaque, LayeredTree, setOpaque } from '../tree/layered-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath } from '../tree/tree-reader.ts'

/** A layer's archive may name `lib/x` without an entry for `lib`. Then `lib` is whatever lies below: a directory with attributes of its own, or a link
 *  such as `lib -> usr/lib`. Makes a copy of the unpacked layer, files shared by hard links, that says so.
 *  @param impliedDirectories from the top down; @param folder an empty folder for the copy. */
export function rebaseLayer(
  from: string,
  lower: readonly string[],
  impliedDirectories: readonly string[],
  folder: string,
): void {
  copyByLinks(from, folder)
  const below = new LayeredTree(lower)
  for (const path of impliedDirectories) {
    const place = join(folder, path)
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) continue
    const found = resolvePath(below, path)
    if (found.entry?.type !== 'directory') continue
    if (found.path === path) dressDirectory(place, found.entry, below.xattrs(path))
    else moveInto(place, found.path, lower, folder)
  }
}

function copyByLinks(from: string, to: string): void {
  const layer = new LayerFolder(to, [], 0n)
  const visit = (path: string): void => {
    const source = path === '' ? from : join(from, path)
    for (const name of readdirSync(source)) {
      const child = joinTreePath(path, name)
      const place = join(from, child)
      const stats = lstatSync(place, { bigint: true })
      if (!stats.isDirectory()) {
        linkSync(place, join(to, child))
        continue
      }
      mkdirSync(join(to, child))
      visit(child)
      layer.setDirectoryAttributes(child, entryOfStats(stats))
      layer.setXattrs(child, fileXattrs(place))
      if (isOpaque(place)) setOpaque(join(to, child))
    }
  }
  visit('')
  layer.setDirectoryAttributes('', entryOfStats(lstatSync(from, { bigint: true })))
  layer.close()
}

function dressDirectory(
  place: string,
  entry: Parameters<LayerFolder['setDirectoryAttributes']>[1],
  xattrs: ReadonlyMap<string, Uint8Array>,
): void {
  const only = new LayerFolder(place, [], 0n)
  only.setDirectoryAttributes('', entry)
  only.setXattrs('', xattrs)
  only.close()
}

/** What the layer has under a name that is a link below moves to where that link leads. */
function moveInto(place: string, target: string, lower: readonly string[], folder: string): void {
  const layer = new LayerFolder(folder, lower, 0n)
  layer.ensureDirectory(target)
  layer.close()
  for (const name of readdirSync(place)) renameSync(join(place, name), join(folder, target, name))
  rmdirSync(place)
}
