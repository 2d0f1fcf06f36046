import { joinTreePath, parentOf, type TreeReader } from '../tree/tree-reader.ts'

/** A tree whose directories show no more than what leads to the wanted paths. What is asked for by its name is there all the same. */
export function narrowedTree(tree: TreeReader, wanted: readonly string[]): TreeReader {
  const shown = new Set<string>()
  for (const path of wanted) for (let at = path; at !== '' && !shown.has(at); at = parentOf(at)) shown.add(at)
  return {
    lstat: (path) => tree.lstat(path),
    readDirectory: (path) => tree.readDirectory(path).filter((name) => shown.has(joinTreePath(path, name))),
    readLink: (path) => tree.readLink(path),
    hostPath: (path) => tree.hostPath(path),
    xattrs: (path) => tree.xattrs(path),
  }
}
