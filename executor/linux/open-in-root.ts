import { checked, cString, libcFunction } from './libc.ts'
import { isErrno, type LinuxPath } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

const openat2 = libcFunction<[number, number, string | Uint8Array, BigUint64Array, number]>(
  'long syscall(long number, int dirfd, const char *path, const void *how, size_t size)',
)
const resolveInRoot = 0x10n
const noMagicLinks = 0x02n
const closeOnExec = 0o2000000

/** For `openInRoot()`: a descriptor that names the file and opens nothing of it. */
export const openPathOnly = 0o10000000
/** For `openInRoot()`, with `openPathOnly`: the link itself, if the path ends in one. */
export const openNoFollow = 0o400000

/** Opens a path inside a tree as if the tree were `/`: neither `..` nor an absolute link leads out, whoever moves directories
 *  meanwhile. `flags` are those of `fs.constants`. The caller closes the descriptor.
 *  @param rootFd the tree's root, open as a directory
 *  @throws {LinuxError} `ENOSYS` before Linux 5.6.
 *  @see https://man7.org/linux/man-pages/man2/openat2.2.html (RESOLVE_IN_ROOT) */
export function openInRoot(rootFd: number, path: LinuxPath, flags: number, mode = 0): number {
  const how = BigUint64Array.of(BigInt(flags | closeOnExec), BigInt(mode), resolveInRoot | noMagicLinks)
  for (let attempt = 0; ; attempt++) {
    try {
      const number = syscallNumber('openat2')
      return checked(openat2(number, rootFd, cString(path), how, how.byteLength), 'openat2', path)
    } catch (error) {
      // Somebody renamed a directory during the walk, and the kernel could not tell whether it led out.
      if (!isErrno(error, 'EAGAIN', 'EINTR') || attempt === 100) throw error
    }
  }
}
