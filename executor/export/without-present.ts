import { closeSync, openSync, readSync } from 'node:fs'
import { systemCode } from '../../cache/disk/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import type { TreeEntry, TreeReader } from '../tree/tree-reader.ts'

const [ours, theirs] = [Buffer.allocUnsafe(256 * 1024), Buffer.allocUnsafe(256 * 1024)]

/** The tree without the files that a folder has already, just so, in directories that no link leads to: it is to be merged into that folder. To write them again changes
 *  nothing but that their forerunners go, and for minutes after many files went, ext4 is ten times slower to make new ones.
 *  @param owner whose all files will be */
export function withoutPresent(
  tree: TreeReader,
  folder: string,
  owner: { readonly uid: number; readonly gid: number },
): TreeReader {
  const present = new LayeredTree([folder])
  const isPresent = (path: string, entry: TreeEntry): boolean => {
    if (entry.type !== 'file' || entry.linkCount > 1) return false
    const there = present.lstat(path)
    return (
      there !== undefined &&
      isAlike(there, { ...entry, ...owner }) &&
      tree.xattrs(path).size === 0 &&
      present.xattrs(path).size === 0 &&
      haveSameContent(tree.hostPath(path), present.hostPath(path))
    )
  }
  return {
    lstat(path) {
      const entry = tree.lstat(path)
      return entry !== undefined && orNot(() => isPresent(path, entry)) ? undefined : entry
    },
    readDirectory: (path) => tree.readDirectory(path),
    readLink: (path) => tree.readLink(path),
    hostPath: (path) => tree.hostPath(path),
    xattrs: (path) => tree.xattrs(path),
  }
}

const compared = ['type', 'mode', 'uid', 'gid', 'sizeBytes', 'mtimeNs', 'linkCount'] as const

function isAlike(a: TreeEntry, b: TreeEntry): boolean {
  return compared.every((field) => a[field] === b[field])
}

/** What cannot be read is not the same. */
function orNot(test: () => boolean): boolean {
  try {
    return test()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

function haveSameContent(a: string, b: string): boolean {
  const left = openSync(a, 'r')
  try {
    const right = openSync(b, 'r')
    try {
      for (;;) {
        const [got, other] = [readSync(left, ours), readSync(right, theirs)]
        if (got !== other || !ours.subarray(0, got).equals(theirs.subarray(0, got))) return false
        if (got === 0) return true
      }
    } finally {
      closeSync(right)
    }
  } finally {
    closeSync(left)
  }
}
