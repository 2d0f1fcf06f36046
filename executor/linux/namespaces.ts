import { closeSync, openSync, readFileSync } from 'node:fs'
import { checked, libcFunction } from './libc.ts'

const unshareCall = libcFunction<[number]>('int unshare(int flags)')
const setnsCall = libcFunction<[number, number]>('int setns(int fd, int type)')
const sethostname = libcFunction<[string, number]>('int sethostname(const char *name, size_t size)')

/** @see https://man7.org/linux/man-pages/man7/namespaces.7.html */
export const namespaceFlags = {
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
} as const

export type NamespaceKind = keyof typeof namespaceFlags

const files: Readonly<Record<NamespaceKind, string>> = {
  mount: 'mnt',
  cgroup: 'cgroup',
  uts: 'uts',
  ipc: 'ipc',
  user: 'user',
  pid: 'pid',
  network: 'net',
}

/** Gives the calling thread namespaces of its own; its children have them too. A pid namespace begins with the next child. In Node, other
 *  threads, such as those of `fs.promises`, keep the old ones, and `user` is refused.
 *  @throws {LinuxError} `EPERM` without CAP_SYS_ADMIN, `ENOSPC` at the limit in /proc/sys/user, `EINVAL` for a kind that this kernel
 *  does not have.
 *  @see https://man7.org/linux/man-pages/man2/unshare.2.html */
export function unshare(kinds: readonly NamespaceKind[]): void {
  checked(unshareCall(kinds.reduce((flags, kind) => flags | namespaceFlags[kind], 0)), 'unshare')
}

/** Moves the calling thread into the namespace of another process.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/setns.2.html */
export function enterNamespace(kind: NamespaceKind, pid: number | 'self'): void {
  const path = `/proc/${pid}/ns/${files[kind]}`
  const fd = openSync(path, 'r')
  try {
    checked(setnsCall(fd, namespaceFlags[kind]), 'setns', path)
  } finally {
    closeSync(fd)
  }
}

/** Sets the host name of this UTS namespace: at most 64 bytes.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/sethostname.2.html */
export function setHostname(name: string): void {
  checked(sethostname(name, Buffer.byteLength(name)), 'sethostname', name)
}

/** Whether this process is in a user namespace that maps only some ids: root in it is not root of the machine.
 *  @see https://man7.org/linux/man-pages/man7/user_namespaces.7.html (uid_map) */
export function isInsideUserNamespace(uidMap = readFileSync('/proc/self/uid_map', 'utf8')): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)
}
