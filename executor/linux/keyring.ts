import { checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const keyctl = libcFunction<[number, number, string | null]>(
  'long syscall(long number, int operation, const char *name)',
)

/** Gives the calling thread a session keyring of its own, empty, so that it sees no keys of whoever started the build.
 *  @throws {LinuxError} `ENOSYS` or `EPERM` where keys are not to be had.
 *  @see https://man7.org/linux/man-pages/man3/keyctl_join_session_keyring.3.html */
export function joinNewSessionKeyring(): void {
  const join = 1
  checked(keyctl(syscallNumber('keyctl'), join, null), 'keyctl')
}
