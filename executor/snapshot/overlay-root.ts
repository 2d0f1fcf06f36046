import { chmodSync, lchownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isInsideUserNamespace, mountOverlay, unmount } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { rootDirectory } from '../tree/tree-reader.ts'
import type { ActiveRoot } from './active-root.ts'

/** Mounts layers with a fresh writable one on top, so that nothing has to be copied. Disposing unmounts; the folders are the caller's to remove.
 *  @param folder an empty folder on the file system of the layers; @param path an empty folder anywhere, to mount at; @param lower layer directories, lowest first.
 *  @throws {LinuxError} where the kernel does not let us mount. */
export function openOverlayRoot(folder: string, path: string, lower: readonly string[]): ActiveRoot {
  const upper = join(folder, 'upper')
  const work = join(folder, 'work')
  const empty = join(folder, 'empty')
  for (const made of [upper, work, ...(lower.length === 0 ? [empty] : [])]) mkdirSync(made)
  const { mode, uid, gid } = new LayeredTree(lower).lstat('') ?? rootDirectory
  lchownSync(upper, uid, gid)
  chmodSync(upper, lower.length === 0 ? 0o755 : mode)
  mountOverlay({
    lower: lower.length === 0 ? [empty] : lower,
    upper,
    work,
    target: path,
    userxattr: isInsideUserNamespace(),
    volatile: true,
  })
  let mounted = true
  const unmountOnce = () => {
    if (mounted) unmount(path)
    mounted = false
  }
  return {
    path,
    freeze: () => {
      unmountOnce()
      return Promise.resolve(upper)
    },
    [Symbol.asyncDispose]: () => {
      unmountOnce()
      return Promise.resolve()
    },
  }
}
