/** What a name in a tree stands for. Times are nanoseconds since the epoch. */
export interface TreeEntry {
  readonly type: EntryType
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** Equal for two names of one file, unequal for two files. */
  readonly fileId: string
  readonly linkCount: number
}

export type EntryType = 'file' | 'directory' | 'symlink' | 'character-device' | 'block-device' | 'fifo' | 'socket'

/** A tree to read from: a context folder, or layers stacked on each other. Paths are clean, without a leading `/`; the root is `''`. No
 *  method follows a symbolic link: `resolvePath()` does, inside the tree. */
export interface TreeReader {
  /** `undefined`: there is no such entry, or it is hidden. The root is always there, and a directory. */
  lstat(path: string): TreeEntry | undefined
  /** Sorted by code unit. Empty for anything but a directory. */
  readDirectory(path: string): readonly string[]
  readLink(path: string): string
  /** Where the entry's bytes lie on disk. Only for entries that `lstat()` shows. */
  hostPath(path: string): string
  /** Extended attributes that belong to the file: `security.capability` and `user.*`. */
  xattrs(path: string): ReadonlyMap<string, Uint8Array>
}

/** What the root of a tree is when no layer says otherwise. */
export const rootDirectory: TreeEntry = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  deviceMajor: 0,
  deviceMinor: 0,
  fileId: 'root',
  linkCount: 1,
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

/** The tree without any entry but its root. */
export const emptyTree: TreeReader = {
  lstat: (path) => (path === '' ? rootDirectory : undefined),
  readDirectory: () => [],
  readLink: (path) => {
    throw new Error(`the empty tree has no link ${path}`)
  },
  hostPath: (path) => {
    throw new Error(`the empty tree has no file ${path}`)
  },
  xattrs: () => noXattrs,
}

/** `a/b` and `c` make `a/b/c`; the root and `c` make `c`. */
export function joinTreePath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`
}

/** The path of the directory that holds the entry. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** The last component. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
