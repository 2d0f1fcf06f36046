import { readFileSync } from 'node:fs'
import { ulimitNames, type UlimitName } from '../../core/ulimits.ts'
import { checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const prlimit = libcFunction<[number, number, number, BigUint64Array | null, BigUint64Array | null]>(
  'long syscall(long number, int pid, unsigned int resource, const void *next, void *previous)',
)

/** `Infinity`: no limit. */
export interface ResourceLimit {
  readonly soft: number
  readonly hard: number
}

/** As the kernel numbers them. */
export function resourceNumber(name: UlimitName): number {
  return ulimitNames.indexOf(name)
}

const unlimited = 0xffff_ffff_ffff_ffffn

/** This process's limit.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/getrlimit.2.html */
export function getLimit(name: UlimitName): ResourceLimit {
  const limit = new BigUint64Array(2)
  checked(prlimit(syscallNumber('prlimit64'), 0, resourceNumber(name), null, limit), 'prlimit64', name)
  const [soft = 0n, hard = 0n] = limit
  return { soft: fromKernel(soft), hard: fromKernel(hard) }
}

/** How many files a process may have open, as far as it can be read: Node raises its own soft limit when it starts, so what its caller
 *  had is found at the caller. `undefined`: that process is gone, or not ours to look at.
 *  @see https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html */
export function findOpenFileLimit(pid: number): ResourceLimit | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/limits`, 'utf8')
    const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? []
    return soft === undefined || hard === undefined ? undefined : { soft: fromText(soft), hard: fromText(hard) }
  } catch {
    return undefined
  }
}

function fromText(text: string): number {
  return text === 'unlimited' ? Infinity : Number(text)
}

function fromKernel(value: bigint): number {
  return value === unlimited ? Infinity : Number(value)
}
