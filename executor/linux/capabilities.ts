import { checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const capget = libcFunction<[number, Uint32Array, Uint32Array]>('long syscall(long number, void *header, void *data)')
const prctl = libcFunction<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
)

/** In the order of their numbers.
 *  @see https://man7.org/linux/man-pages/man7/capabilities.7.html */
export const capabilityNames = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const

export type CapabilityName = (typeof capabilityNames)[number]

/** `_LINUX_CAPABILITY_VERSION_3`, and 0 for the calling thread. */
const header = Uint32Array.of(0x20080522, 0)

/** What the calling thread may do now, in the kernel's order.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/capget.2.html */
export function effectiveCapabilities(): readonly CapabilityName[] {
  const data = new Uint32Array(6)
  checked(capget(syscallNumber('capget'), header, data), 'capget')
  const effective = BigInt(data[0] ?? 0) | (BigInt(data[3] ?? 0) << 32n)
  return capabilityNames.filter((_, number) => ((effective >> BigInt(number)) & 1n) === 1n)
}

/** Which of these the bounding set still has: what a program started by root can get. */
export function boundingCapabilities(): readonly CapabilityName[] {
  return boundingCapabilityNumbers().flatMap((number) => capabilityNames[number] ?? [])
}

/** All of the bounding set. The kernel may know more than we do.
 *  @see https://man7.org/linux/man-pages/man2/PR_CAPBSET_READ.2const.html */
export function boundingCapabilityNumbers(): readonly number[] {
  const readBounding = 23
  const numbers: number[] = []
  // It says EINVAL behind its last.
  for (let number = 0, state = 0; (state = prctl(readBounding, number, 0, 0, 0)) !== -1; number++) {
    if (state === 1) numbers.push(number)
  }
  return numbers
}

/** The set as the kernel has it: a bit for each, in two halves. */
export function capabilityMask(names: readonly CapabilityName[]): { readonly low: number; readonly high: number } {
  const mask = names.reduce((sum, name) => sum | (1n << BigInt(capabilityNames.indexOf(name))), 0n)
  return { low: Number(mask & 0xffffffffn), high: Number(mask >> 32n) }
}
