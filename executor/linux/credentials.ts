import { readFileSync } from 'node:fs'

/** Whether a process here may say which groups it has: a user namespace of one group may not.
 *  @see https://man7.org/linux/man-pages/man7/user_namespaces.7.html (The /proc/pid/setgroups file) */
export function mayChangeGroups(): boolean {
  try {
    return readFileSync('/proc/self/setgroups', 'utf8').trim() !== 'deny'
  } catch {
    return true // a kernel without user namespaces
  }
}
