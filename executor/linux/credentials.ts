import { checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

// The C library's functions of these names change every thread of the process, through signals. These are the calls themselves.
const setIds = libcFunction<[number, number, number, number]>(
  'long syscall(long number, unsigned int real, unsigned int effective, unsigned int saved)',
)
const setgroups = libcFunction<[number, number, Uint32Array]>(
  'long syscall(long number, size_t count, const void *groups)',
)

/** Sets the supplementary groups of the calling thread alone.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/setgroups.2.html */
export function setGroups(groups: readonly number[]): void {
  checked(setgroups(syscallNumber('setgroups'), groups.length, Uint32Array.from(groups)), 'setgroups')
}

/** Sets the group of the calling thread alone: real, effective and saved.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/setresuid.2.html */
export function setGroup(gid: number): void {
  checked(setIds(syscallNumber('setresgid'), gid, gid, gid), 'setresgid')
}

/** Sets the user of the calling thread alone: real, effective and saved. Root loses its capabilities by it, unless `keepCapabilities()`.
 *  @throws {LinuxError} */
export function setUser(uid: number): void {
  checked(setIds(syscallNumber('setresuid'), uid, uid, uid), 'setresuid')
}
