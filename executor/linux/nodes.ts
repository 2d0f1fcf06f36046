import { checked, cString, libcFunction } from './libc.ts'
import type { LinuxPath } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

// glibc before 2.33 exports no mknod().
const mknodat = libcFunction<[number, number, string | Uint8Array, number, number]>(
  'long syscall(long number, int dirfd, const char *path, unsigned int mode, unsigned int device)',
)
const currentDirectory = -100

const types = { fifo: 0o010000, 'character-device': 0o020000, 'block-device': 0o060000 } as const

/** Makes a device or a named pipe that only its owner may read and write, whatever the umask. `major` and `minor` mean nothing for a pipe.
 *  Character device 0/0 is what overlayfs takes for "removed"; that one needs no privilege since Linux 5.8.
 *  @throws {LinuxError} `EPERM` for a device without CAP_MKNOD, and in a user namespace even with it.
 *  @see https://man7.org/linux/man-pages/man2/mknod.2.html */
export function makeNode(path: LinuxPath, type: keyof typeof types, major: number, minor: number): void {
  const device = type === 'fifo' ? 0 : deviceNumber(major, minor)
  const mode = types[type] | 0o600
  checked(mknodat(syscallNumber('mknodat'), currentDirectory, cString(path), mode, device), 'mknod', path)
}

/** A device's number as the kernel and `fs.Stats.rdev` have it.
 *  @see https://man7.org/linux/man-pages/man3/makedev.3.html */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
}
