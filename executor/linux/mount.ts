import { closeSync } from 'node:fs'
import { checked, cString, libcFunction } from './libc.ts'
import type { LinuxPath } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

type Text = string | Uint8Array
const mountCall = libcFunction<[Text, Text, string, number, string | null]>(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)',
)
const umount2 = libcFunction<[Text, number]>('int umount2(const char *target, int flags)')
const openTreeCall = libcFunction<[number, number, Text, number]>(
  'long syscall(long number, int dirfd, const char *path, unsigned int flags)',
)
const moveMountCall = libcFunction<[number, number, string, number, Text, number]>(
  'long syscall(long number, int fromDirfd, const char *from, int toDirfd, const char *to, unsigned int flags)',
)
const setattrCall = libcFunction<[number, number, Text, number, BigUint64Array, number]>(
  'long syscall(long number, int dirfd, const char *path, unsigned int flags, void *attributes, size_t size)',
)

/** @see https://man7.org/linux/man-pages/man2/mount.2.html */
export const mountFlags = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  noSymlinkFollow: 256,
  noAtime: 1024,
  bind: 4096,
  move: 8192,
  recursive: 16384,
  silent: 32768,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  relAtime: 1 << 21,
  strictAtime: 1 << 24,
} as const

export interface MountRequest {
  readonly source?: LinuxPath
  readonly target: LinuxPath
  readonly type?: string
  /** Some of `mountFlags`, added. */
  readonly flags?: number
  /** The file system's own options, separated by commas; at most a page. */
  readonly options?: string
}

/** @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/mount.2.html */
export function mount({ source = 'none', target, type = 'none', flags = 0, options }: MountRequest): void {
  checked(mountCall(cString(source), cString(target), type, flags, options ?? null), 'mount', target)
}

/** @param target a number is a descriptor of the mount's root, wherever it has come to be
 *  @param how `lazy` takes the mount out of sight at once, and lets go of it when nobody uses it any more.
 *  @throws {LinuxError} `EINVAL` if nothing is mounted there, `EBUSY` if it is in use.
 *  @see https://man7.org/linux/man-pages/man2/umount.2.html */
export function unmount(target: LinuxPath | number, how: 'now' | 'lazy' = 'now'): void {
  const noFollow = typeof target === 'number' ? 0 : 8
  const detach = 2
  const path = typeof target === 'number' ? descriptorPath(target) : target
  checked(umount2(cString(path), noFollow | (how === 'lazy' ? detach : 0)), 'umount2', path)
}

/** The file that a descriptor stands for, by a path. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}

const currentDirectory = -100
const closeOnExec = 0o2000000
const recursive = 0x8000
const cloneTree = 1
const emptyPath = 0x1000
const moveFromDescriptor = 4

/** A copy of the mounts at a path, attached nowhere: what a bind mount is before it has a target. Linux 5.2.
 *  The caller closes the descriptor; a copy that was not attached goes with it.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/open_tree.2.html */
export function cloneMount(path: LinuxPath, depth: 'one' | 'recursive'): number {
  const flags = cloneTree | closeOnExec | (depth === 'recursive' ? recursive : 0)
  return checked(openTreeCall(syscallNumber('openTree'), currentDirectory, cString(path), flags), 'open_tree', path)
}

/** Attaches a detached mount, and closes its descriptor, whether or not it worked.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/move_mount.2.html */
export function attachMount(mountFd: number, target: LinuxPath): void {
  try {
    const number = syscallNumber('moveMount')
    const result = moveMountCall(number, mountFd, '', currentDirectory, cString(target), moveFromDescriptor)
    checked(result, 'move_mount', target)
  } finally {
    closeSync(mountFd)
  }
}

/** As `attachMount()`, onto what a descriptor stands for, whatever its name leads to by now. The caller closes both descriptors: that of the mount goes on to stand for
 *  its root.
 *  @throws {LinuxError} */
export function attachMountOnto(mountFd: number, targetFd: number): void {
  const toDescriptor = 0x40
  const number = syscallNumber('moveMount')
  const result = moveMountCall(number, mountFd, '', targetFd, '', moveFromDescriptor | toDescriptor)
  checked(result, 'move_mount')
}

/** @see https://man7.org/linux/man-pages/man2/mount_setattr.2.html */
export const mountAttributes = { readOnly: 1, noSuid: 2, noDev: 4, noExec: 8, strictAtime: 0x20 } as const

/** Adds attributes to a mount, and with `recursive` to all mounts below it at once. Linux 5.12.
 *  @param attributes some of `mountAttributes`, added
 *  @throws {LinuxError} `ENOSYS` on an older kernel.
 *  @see https://man7.org/linux/man-pages/man2/mount_setattr.2.html */
export function addMountAttributes(target: LinuxPath | number, attributes: number, depth: 'one' | 'recursive'): void {
  const [fd, path] = typeof target === 'number' ? [target, ''] : [currentDirectory, cString(target)]
  const flags = (typeof target === 'number' ? emptyPath : 0) | (depth === 'recursive' ? recursive : 0)
  const request = BigUint64Array.of(BigInt(attributes), 0n, 0n, 0n)
  const result = setattrCall(syscallNumber('mountSetattr'), fd, path, flags, request, request.byteLength)
  checked(result, 'mount_setattr', typeof target === 'number' ? undefined : target)
}
