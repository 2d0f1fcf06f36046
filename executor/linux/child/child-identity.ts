import type { UlimitName } from '../../../core/ulimits.ts'
import { boundingCapabilityNumbers, capabilityMask, capabilityNames, type CapabilityName } from '../capabilities.ts'
import { mayChangeGroups } from '../credentials.ts'
import { resourceNumber, type ResourceLimit } from '../limits.ts'
import { namespaceFlags } from '../namespaces.ts'
import { ignoredSignals } from '../processes.ts'
import type { ChildProgram } from './child-program.ts'

/** What a new process takes on before its program: surroundings, limits and rights, as calls of its own program. Order matters: each needs rights that a later one
 *  gives up. */

export function startSession(program: ChildProgram): void {
  program.call('setsid', [])
}

export function setHostname(program: ChildProgram, name: string): void {
  program.call('sethostname', [name, Buffer.byteLength(name)])
}

/** @see https://man7.org/linux/man-pages/man7/netdevice.7.html (SIOCSIFFLAGS) */
export function bringLoopbackUp(program: ChildProgram): void {
  const [internet, datagram, closeOnExec] = [2, 2, 0o2000000]
  const [setFlags, up, running] = [0x8914, 0x1, 0x40]
  // struct ifreq: 16 bytes of name, then the flags.
  const request = Buffer.alloc(40)
  request.write('lo')
  request.writeUInt16LE(up | running, 16)
  const socket = program.call('socket', [internet, datagram | closeOnExec, 0])
  program.call('ioctl', [socket, setFlags, request])
}

export function leaveNetwork(program: ChildProgram): void {
  program.call('unshare', [namespaceFlags.network])
}

/** An empty session keyring, so that it sees no keys of whoever started the build. There may be no keys in this kernel, or they are hidden from containers, or
 *  this user has as many keyrings as it may.
 *  @see https://man7.org/linux/man-pages/man3/keyctl_join_session_keyring.3.html */
export function leaveKeyring(program: ChildProgram): void {
  const join = 1
  program.call('keyctl', [join, null], { tolerate: true })
}

export function enterChroot(program: ChildProgram, root: string): void {
  program.call('chroot', [root])
  program.call('chdir', ['/'])
}

/** One that is there stays. */
export function makeDirectory(program: ChildProgram, path: string): void {
  const currentDirectory = -100
  program.call('mkdirat', [currentDirectory, path, 0o755], { tolerate: true })
}

/** Orphans among its descendants become its children. */
export function becomeSubreaper(program: ChildProgram): void {
  const setSubreaper = 36
  program.call('prctl', [setSubreaper, 1, 0, 0, 0])
}

/** The kernel kills it when this process ends. A change of user takes this back, so it comes last.
 *  @see https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html */
export function dieWithParent(program: ChildProgram): void {
  const [setDeathSignal, kill] = [1, 9]
  program.call('prctl', [setDeathSignal, kill, 0, 0, 0])
}

/** Standard input, output and error; every other descriptor is closed. They are given to the user, who could not open /dev/stdout otherwise. */
export function takeDescriptors(
  program: ChildProgram,
  fds: readonly [number, number, number],
  uid: number,
  gid: number,
): void {
  for (const [target, fd] of fds.entries()) {
    program.call('dup3', [fd, target, 0])
    if (uid !== 0) program.call('fchown', [target, uid, gid], { tolerate: true })
  }
  // Before Linux 5.9 there is no such call; nothing that Node opens outlives execve anyway.
  const [first, last] = [3, 0xffffffff]
  program.call('closeRange', [first, last, 0], { tolerate: true })
}

export function setLimit(program: ChildProgram, name: UlimitName, { soft, hard }: ResourceLimit): void {
  const limit = BigUint64Array.of(toKernel(soft), toKernel(hard))
  program.call('prlimit64', [0, resourceNumber(name), new Uint8Array(limit.buffer), null])
}

/** Takes everything but these from the bounding set, for good. Needs CAP_SETPCAP.
 *  @param tolerate where the privilege for it may be missing: then the bounds stay as they are */
export function limitBoundingCapabilities(
  program: ChildProgram,
  keep: readonly CapabilityName[],
  tolerate: boolean,
): void {
  const dropBounding = 24
  for (const number of boundingCapabilityNumbers()) {
    const name = capabilityNames[number]
    const kept = name !== undefined && keep.includes(name)
    if (!kept) program.call('prctl', [dropBounding, number, 0, 0, 0], { tolerate })
  }
}

/** Needs CAP_SYS_ADMIN, since `no_new_privs` stays off.
 *  @param filter instructions of classic BPF, 8 bytes each, at most 4096
 *  @see https://man7.org/linux/man-pages/man2/seccomp.2.html (SECCOMP_SET_MODE_FILTER) */
export function installSeccompFilter(program: ChildProgram, filter: Uint8Array): void {
  const setFilter = 1
  program.call('seccomp', [setFilter, 0, { words: [BigInt(filter.byteLength / 8), filter] }])
}

/** Any other user than root loses all capabilities by becoming it. A user namespace with a single group may not change the list of groups, which then says
 *  nothing more than the group itself. */
export function becomeUser(program: ChildProgram, uid: number, gid: number, groups: readonly number[]): void {
  const saysNothing = groups.every((group) => group === gid)
  if (!saysNothing || mayChangeGroups()) {
    program.call('setgroups', [groups.length, new Uint8Array(Uint32Array.from(groups).buffer)])
  }
  program.call('setresgid', [gid, gid, gid])
  program.call('setresuid', [uid, uid, uid])
}

/** Permitted and effective sets; the inheritable one becomes empty, and with it the ambient one.
 *  @see https://man7.org/linux/man-pages/man2/capset.2.html */
export function setCapabilities(program: ChildProgram, names: readonly CapabilityName[]): void {
  const version3 = 0x20080522
  const { low, high } = capabilityMask(names)
  const header = Uint32Array.of(version3, 0)
  const data = Uint32Array.of(low, low, 0, high, high, 0)
  program.call('capset', [new Uint8Array(header.buffer), new Uint8Array(data.buffer)])
}

/** What a program expects to start with: every signal at its default, none blocked. Handlers of ours go with execve; signals that are ignored stay so.
 *  @see https://man7.org/linux/man-pages/man7/signal.7.html */
export function resetSignals(program: ChildProgram): void {
  const signalSetBytes = 8
  const byDefault = new Uint8Array(32)
  for (const number of ignoredSignals()) program.call('rtSigaction', [number, byDefault, null, signalSetBytes])
  const setMask = 2
  program.call('rtSigprocmask', [setMask, new Uint8Array(signalSetBytes), null, signalSetBytes])
}

function toKernel(value: number): bigint {
  return value === Infinity ? 0xffff_ffff_ffff_ffffn : BigInt(value)
}
