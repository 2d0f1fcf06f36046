import { BuildError } from '../../core/errors.ts'
import { joinTreePath, parentOf, type TreeEntry, type TreeReader } from './tree-reader.ts'

/** Linux gives up after as many links: path_resolution(7). */
const maximumLinks = 40

export interface ResolvedPath {
  /** Clean, without a leading `/`, and without a symbolic link in any component that exists. */
  readonly path: string
  /** `undefined`: nothing is there. The components of `path` from the first missing one on are as they were asked for. */
  readonly entry: TreeEntry | undefined
}

/** Follows `path` inside the tree as chroot(2) would: an absolute link starts at the tree's root, and `..` ends there, so nothing outside
 *  the tree is ever named. With `followLast` false, a link in the last component stays.
 *  @throws {BuildError} `PATH_ESCAPES` for a chain of more than 40 links, such as a link to itself. */
export function resolvePath(
  reader: Pick<TreeReader, 'lstat' | 'readLink'>,
  path: string,
  followLast = true,
): ResolvedPath {
  let open = componentsOf(path)
  let done = ''
  let links = 0
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    if (name === '..') {
      done = parentOf(done)
      continue
    }
    const next = joinTreePath(done, name)
    const entry = reader.lstat(next)
    if (entry?.type === 'symlink' && (followLast || open.length > 0)) {
      links++
      if (links > maximumLinks) {
        throw new BuildError('PATH_ESCAPES', `Cannot follow "/${path}": too many levels of symbolic links`)
      }
      const target = reader.readLink(next)
      if (target.startsWith('/')) done = ''
      open = [...componentsOf(target), ...open]
      continue
    }
    if (entry === undefined) return { path: withMissing(next, open), entry: undefined }
    if (open.length > 0 && entry.type !== 'directory') return { path: withMissing(next, open), entry: undefined }
    done = next
  }
  return { path: done, entry: reader.lstat(done) }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function withMissing(existing: string, missing: readonly string[]): string {
  return missing.reduce((path, name) => (name === '..' ? parentOf(path) : joinTreePath(path, name)), existing)
}
