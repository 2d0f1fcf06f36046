import { editDistance } from '../../core/suggestion.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { joinTreePath, nameOf, parentOf, type TreeReader } from '../tree/tree-reader.ts'

/** Entries looked at before giving up on a better guess: a hint must not cost a walk of a huge tree. */
const maximumLookedAt = 5000

/** One sentence on why `path` is not there: it is a link that leads nowhere, `.dockerignore` hides it, or something alike is elsewhere. */
export function explainMissing(reader: TreeReader, path: string): string {
  if (reader.lstat(path)?.type === 'symlink') {
    const inside = reader instanceof ContextTree ? 'the build context' : 'the file system it is in'
    return `"${path}" is a link to "${reader.readLink(path)}", and links are followed inside ${inside} only: there is nothing at its end.`
  }
  if (reader instanceof ContextTree && reader.lstatIgnored(path) !== undefined) {
    const line = reader.findHidingLine(path)
    return `"${path}" exists, but ${line === undefined ? '.dockerignore' : `the ignore file (${line})`} leaves it out of the build context.`
  }
  const near = findNamesake(reader, nameOf(path)) ?? findSimilarSibling(reader, path)
  const where =
    reader instanceof ContextTree
      ? 'Paths are relative to the build context.'
      : "Paths are relative to the root of the stage's or image's file system."
  return near === undefined ? where : `Did you mean "${near}"? ${where}`
}

function findNamesake(reader: TreeReader, name: string): string | undefined {
  const open = ['']
  let lookedAt = 0
  for (let directory = open.shift(); directory !== undefined; directory = open.shift()) {
    for (const child of reader.readDirectory(directory)) {
      const path = joinTreePath(directory, child)
      if (child === name) return path
      if (++lookedAt > maximumLookedAt) return undefined
      if (reader.lstat(path)?.type === 'directory') open.push(path)
    }
  }
  return undefined
}

function findSimilarSibling(reader: TreeReader, path: string): string | undefined {
  const name = nameOf(path).toLowerCase()
  const similar = reader
    .readDirectory(parentOf(path))
    .map((sibling) => ({ sibling, distance: editDistance(sibling.toLowerCase(), name) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0]
  return similar === undefined ? undefined : joinTreePath(parentOf(path), similar.sibling)
}
