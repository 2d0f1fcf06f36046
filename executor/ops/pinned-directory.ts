import { closeSync, constants, openSync } from 'node:fs'
import { isErrno, openInRoot } from '../linux/index.ts'
import { hostPath, type Place } from './mounted-view.ts'

/** A directory held by a descriptor: what is done through `path` is done in there, wherever links lead by then. */
export interface PinnedDirectory extends Disposable {
  readonly path: string
}

/** Others may be changing the tree at this moment, such as a step of another build that shares a cache: the directory is looked for without leaving its base.
 *  @throws {LinuxError} `ENOENT`, `ENOTDIR` */
export function pinDirectory(place: Place): PinnedDirectory {
  const fd = openInside(place)
  return { path: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => closeSync(fd) }
}

function openInside(place: Place): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY
  const base = openSync(place.base, flags)
  try {
    return openInRoot(base, place.path === '' ? '.' : place.path, flags)
  } catch (error) {
    // Before Linux 5.6: the path was free of links a moment ago.
    if (!isErrno(error, 'ENOSYS')) throw error
    return openSync(hostPath(place), flags)
  } finally {
    closeSync(base)
  }
}
