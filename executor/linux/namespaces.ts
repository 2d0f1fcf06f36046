import { readFileSync } from 'node:fs'

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

/** Whether this process is in a user namespace that maps only some ids: root in it is not root of the machine.
 *  @see https://man7.org/linux/man-pages/man7/user_namespaces.7.html (uid_map) */
export function isInsideUserNamespace(uidMap = readFileSync('/proc/self/uid_map', 'utf8')): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)
}
