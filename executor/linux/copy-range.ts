import { checked, libcFunction } from './libc.ts'
import { isErrno } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

const ioctl = libcFunction<[number, number, number]>('int ioctl(int fd, unsigned long request, long argument)')
const copyRange = libcFunction<[number, number, null, number, null, number, number]>(
  'long syscall(long number, int in, void *inOffset, int out, void *outOffset, size_t size, unsigned int flags)',
)
/** `FICLONE` */
const cloneRequest = 0x40049409
const largestCopyBytes = 0x7ffff000

/** Makes the second file share the first's blocks, so that it is a copy which costs nothing. `false`: this file system cannot, or
 *  the two are on different ones; nothing was written then.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/ioctl_ficlone.2.html */
export function cloneFile(fromFd: number, toFd: number): boolean {
  try {
    checked(ioctl(toFd, cloneRequest, fromFd), 'ioctl FICLONE')
    return true
  } catch (error) {
    if (isErrno(error, 'EOPNOTSUPP', 'ENOTTY', 'EXDEV', 'EINVAL', 'ENOSYS', 'EPERM')) return false
    throw error
  }
}

/** Copies what is left of the first file to the second, from and to their current positions, inside the kernel. Gives the number of bytes
 *  copied, or `undefined` if this pair of files cannot be copied so, with nothing written.
 *  @throws {LinuxError} such as `ENOSPC`; something may have been written then.
 *  @see https://man7.org/linux/man-pages/man2/copy_file_range.2.html */
export function copyFileRange(fromFd: number, toFd: number): number | undefined {
  const number = syscallNumber('copyFileRange')
  let copiedBytes = 0
  for (;;) {
    try {
      const chunkBytes = checked(copyRange(number, fromFd, null, toFd, null, largestCopyBytes, 0), 'copy_file_range')
      if (chunkBytes === 0) return copiedBytes
      copiedBytes += chunkBytes
    } catch (error) {
      const unsupported = isErrno(error, 'EXDEV', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'EBADF')
      if (unsupported && copiedBytes === 0) return undefined
      if (!isErrno(error, 'EINTR')) throw error
    }
  }
}
