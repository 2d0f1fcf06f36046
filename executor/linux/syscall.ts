/** Numbers of the system calls that C libraries have no function for, or one that does more than the call. Those from 424 on
 *  are the same everywhere.
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
  readonly clone: number
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
  clone: 56,
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
  clone: 220,
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

/** @throws {Error} on an architecture whose numbers are not here. */
export function syscallNumber(name: keyof SyscallNumbers | keyof typeof everywhere): number {
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
