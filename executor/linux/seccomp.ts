import { addressOf, checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const seccomp = libcFunction<[number, number, number, BigUint64Array]>(
  'long syscall(long number, unsigned int operation, unsigned int flags, const void *program)',
)

/** Installs a filter on the calling thread, for good. Needs CAP_SYS_ADMIN, since we leave `no_new_privs` off.
 *  @param program instructions of classic BPF, 8 bytes each, at most 4096
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/seccomp.2.html (SECCOMP_SET_MODE_FILTER) */
export function installSeccompFilter(program: Uint8Array): void {
  const setFilter = 1
  // struct sock_fprog: a length, and a pointer to memory that must not move meanwhile: that of a slow buffer does not.
  const fixed = Buffer.allocUnsafeSlow(program.byteLength)
  fixed.set(program)
  const request = BigUint64Array.of(BigInt(program.byteLength / 8), addressOf(fixed))
  checked(seccomp(syscallNumber('seccomp'), setFilter, 0, request), 'seccomp')
}
