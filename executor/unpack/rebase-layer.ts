import { lstatSync, linkSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import type { Attributes } from '../files/layer-writer.ts'
import { setFileTimes } from '../linux/index.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { fileXattrs, isOpaque, LayeredTree, setOpaque } from '../tree/layered-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath } from '../tree/tree-reader.ts'
import type { LowerLink, UnpackResult } from './unpack-entries.ts'

/** A layer's archive may name `lib/x` without an entry for `lib`. Then `lib` is whatever lies below: a directory with attributes of its own, or a link
 *  such as `lib -> usr/lib`. Or it names a file further down in a hard link. Makes a copy of the unpacked layer, files shared by hard links, that fits.
 *  @param folder an empty folder for the copy
 *  @throws {BuildError} `ARCHIVE_INVALID` for a link to nothing */
export function rebaseLayer(
  from: string,
  lower: readonly string[],
  { impliedDirectories, lowerLinks }: UnpackResult,
  folder: string,
): void {
  copyByLinks(from, folder)
  const below = new LayeredTree(lower)
  /** What the layer itself has entries for keeps the attributes that they give. */
  const told = new Set<string>()
  for (const path of impliedDirectories) {
    const found = resolvePath(below, path)
    if (found.entry !== undefined && found.entry.type !== 'directory') continue
    if (found.path !== path && isDirectory(join(folder, path))) {
      for (const merged of moveInto(path, found.path, lower, folder)) {
        if (!impliedDirectories.includes(merged)) told.add(merged)
      }
    }
    if (found.entry === undefined) continue // nothing below, or a link to nothing: what it leads to is made
    const place = join(folder, found.path)
    if (!told.has(found.path) && isDirectory(place)) dressDirectory(place, found.entry, below.xattrs(found.path))
  }
  linkToLower(lowerLinks, lower, folder)
}

/** A file that a link of the layer names further down is carried up, as the kernel does when somebody makes such a link. */
function linkToLower(links: readonly LowerLink[], lower: readonly string[], folder: string): void {
  if (links.length === 0) return
  const root = entryOfStats(lstatSync(folder, { bigint: true }))
  const layer = new LayerFolder(folder, lower, 0n)
  for (const { path, target } of links) {
    const found = resolvePath(layer.tree, target, false)
    if (found.entry?.type !== 'file') throw linkToNothing(path, target)
    layer.link(resolvePath(layer.tree, path, false).path, found.path)
  }
  layer.setDirectoryAttributes('', root)
  layer.close()
}

/** @returns {BuildError} `ARCHIVE_INVALID` */
export function linkToNothing(path: string, target: string): BuildError {
  return new BuildError(
    'ARCHIVE_INVALID',
    `Cannot link "${path}" to "${target}": neither the layer nor one below it has such a file`,
  )
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

function dressDirectory(place: string, attributes: Attributes, xattrs: ReadonlyMap<string, Uint8Array>): void {
  const only = new LayerFolder(place, [], 0n)
  only.setDirectoryAttributes('', attributes)
  only.setXattrs('', xattrs)
  only.close()
}

/** What the layer has under a name that is a link below moves to where that link leads.
 *  @returns the directories that the layer had there already */
function moveInto(path: string, target: string, lower: readonly string[], folder: string): readonly string[] {
  const root = entryOfStats(lstatSync(folder, { bigint: true }))
  const wasThere = isDirectory(join(folder, target))
  const layer = new LayerFolder(folder, lower, 0n)
  layer.ensureDirectory(target)
  layer.setDirectoryAttributes('', root)
  layer.close()
  const merged = mergeDirectory(path, target, folder)
  return wasThere ? merged : merged.slice(1)
}

/** @returns the directories that were on both sides, the target first */
function mergeDirectory(path: string, target: string, folder: string): readonly string[] {
  const [source, place] = [join(folder, path), join(folder, target)]
  const { mtimeNs } = lstatSync(place, { bigint: true })
  const merged = [target]
  if (isOpaque(source)) setOpaque(place)
  for (const name of readdirSync(source)) {
    const [child, childTarget] = [joinTreePath(path, name), joinTreePath(target, name)]
    if (isDirectory(join(folder, child)) && isDirectory(join(folder, childTarget)))
      merged.push(...mergeDirectory(child, childTarget, folder))
    else {
      rmSync(join(folder, childTarget), { recursive: true, force: true })
      renameSync(join(folder, child), join(folder, childTarget))
    }
  }
  rmdirSync(source)
  setFileTimes(place, mtimeNs)
  return merged
}

function isDirectory(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true
}
