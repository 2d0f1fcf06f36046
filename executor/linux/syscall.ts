/** Numbers of the system calls that are made without the C library: because it has no function for them, because its function does more than the call, or
 *  because a process is made of them that the library knows nothing of (`ChildProgram`). Those from 424 on are the same everywhere.
 *  @see https://man7.org/linux/man-pages/man2/syscalls.2.html */
interface SyscallNumbers {
  readonly mknodat: number
  readonly prlimit64: number
  readonly setgroups: number
  readonly setresuid: number
  readonly setresgid: number
  readonly seccomp: number
  readonly keyctl: number
  readonly copyFileRange: number
  readonly pivotRoot: number
  readonly capset: number
  readonly capget: number
  readonly waitid: number
  readonly mount: number
  readonly umount2: number
  readonly chdir: number
  readonly chroot: number
  readonly mkdirat: number
  readonly fchmodat: number
  readonly symlinkat: number
  readonly openat: number
  readonly setsid: number
  readonly sethostname: number
  readonly dup3: number
  readonly fchown: number
  readonly prctl: number
  readonly umask: number
  readonly socket: number
  readonly ioctl: number
  readonly rtSigaction: number
  readonly rtSigprocmask: number
  readonly execve: number
  readonly unshare: number
  readonly bpf: number
}

const x64: SyscallNumbers = {
  mknodat: 259,
  prlimit64: 302,
  setgroups: 116,
  setresuid: 117,
  setresgid: 119,
  seccomp: 317,
  keyctl: 250,
  copyFileRange: 326,
  pivotRoot: 155,
  capset: 126,
  capget: 125,
  waitid: 247,
  mount: 165,
  umount2: 166,
  chdir: 80,
  chroot: 161,
  mkdirat: 258,
  fchmodat: 268,
  symlinkat: 266,
  openat: 257,
  setsid: 112,
  sethostname: 170,
  dup3: 292,
  fchown: 93,
  prctl: 157,
  umask: 95,
  socket: 41,
  ioctl: 16,
  rtSigaction: 13,
  rtSigprocmask: 14,
  execve: 59,
  unshare: 272,
  bpf: 321,
}

/** The generic table, which every architecture since has. */
const generic: SyscallNumbers = {
  mknodat: 33,
  prlimit64: 261,
  setgroups: 159,
  setresuid: 147,
  setresgid: 149,
  seccomp: 277,
  keyctl: 219,
  copyFileRange: 285,
  pivotRoot: 41,
  capset: 91,
  capget: 90,
  waitid: 95,
  mount: 40,
  umount2: 39,
  chdir: 49,
  chroot: 51,
  mkdirat: 34,
  fchmodat: 53,
  symlinkat: 36,
  openat: 56,
  setsid: 157,
  sethostname: 161,
  dup3: 24,
  fchown: 55,
  prctl: 167,
  umask: 166,
  socket: 198,
  ioctl: 29,
  rtSigaction: 134,
  rtSigprocmask: 135,
  execve: 221,
  unshare: 97,
  bpf: 280,
}

const everywhere = {
  openTree: 428,
  moveMount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfdOpen: 434,
  closeRange: 436,
  openat2: 437,
  pidfdSendSignal: 424,
  mountSetattr: 442,
} as const

export type SyscallName = keyof SyscallNumbers | keyof typeof everywhere

/** @throws {Error} on an architecture whose numbers are not here. */
export function syscallNumber(name: SyscallName): number {
  if (name in everywhere) return everywhere[name as keyof typeof everywhere]
  switch (process.arch) {
    case 'x64':
      return x64[name as keyof SyscallNumbers]
    case 'arm64':
    case 'riscv64':
    case 'loong64':
      return generic[name as keyof SyscallNumbers]
    default:
      throw new Error(`no system call numbers for ${process.arch}`)
  }
}
