import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { checked, lastErrno, libcFunction, watchReadable } from './libc.ts'
import { isErrno, LinuxError } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

const prctl = libcFunction<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
)
const waitidCall = libcFunction<[number, number, number, Int32Array, number, null]>(
  'long syscall(long number, int type, int id, void *info, int options, void *usage)',
)
const pidfdOpenCall = libcFunction<[number, number, number]>('long syscall(long number, int pid, unsigned int flags)')
const pidfdSignalCall = libcFunction<[number, number, number, null, number]>(
  'long syscall(long number, int fd, int signal, void *info, unsigned int flags)',
)
const closeCall = libcFunction<[number]>('int close(int fd)')

/** How a process ended. `signal` is a name such as `SIGKILL`. */
export type ProcessEnd =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'signaled'; readonly signal: string }

/** Makes orphans among our descendants our children, rather than those of the namespace's init.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html */
export function becomeSubreaper(): void {
  const setSubreaper = 36
  checked(prctl(setSubreaper, 1, 0, 0, 0), 'prctl PR_SET_CHILD_SUBREAPER')
}

/** Signals that this process ignores, and so every program that it starts, unless that is told otherwise.
 *  @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (SigIgn) */
export function ignoredSignals(): readonly number[] {
  const [, mask = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  const bits = BigInt(`0x${mask}`)
  return Array.from({ length: 64 }, (_, index) => index + 1).filter(
    (number) => ((bits >> BigInt(number - 1)) & 1n) === 1n,
  )
}

/** A descriptor for a process, which stays that process's even when its number is used again. The caller closes it. Linux 5.3.
 *  @throws {LinuxError} `ESRCH` if it is gone.
 *  @see https://man7.org/linux/man-pages/man2/pidfd_open.2.html */
export function openProcess(pid: number): number {
  return checked(pidfdOpenCall(syscallNumber('pidfdOpen'), pid, 0), 'pidfd_open')
}

/** @throws {LinuxError} `ESRCH` if it has ended and was waited for.
 *  @see https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html */
export function signalProcess(pidfd: number, signal: NodeJS.Signals): void {
  const number = constants.signals[signal]
  checked(pidfdSignalCall(syscallNumber('pidfdSendSignal'), pidfd, number, null, 0), 'pidfd_send_signal')
}

/** Waits for a child, without blocking the event loop, and takes its end from the kernel: nobody else may wait for it. The child may be
 *  one that we did not start ourselves: an orphan that came to us.
 *  @throws {LinuxError} `ECHILD` if it is not our child. */
export async function waitForProcess(pidfd: number): Promise<ProcessEnd> {
  await readable(pidfd)
  for (;;) {
    const end = pollProcess(pidfd)
    if (end !== undefined) return end
    await sleep(tracerMs) // whoever traces the process, as strace does, is told first
  }
}

/** How soon to ask again. */
const tracerMs = 1

function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = watchReadable(fd, () => {
      stop()
      resolve()
    })
  })
}

const byPid = 1
const byPidfd = 3
const anyChild = 0
const noHang = 1
const ended = 4
const leaveIt = 0x1000000

/** How the child ended; `undefined` while it runs.
 *  @throws {LinuxError} `ECHILD` if it is not our child.
 *  @see https://man7.org/linux/man-pages/man2/waitid.2.html */
export function pollProcess(pidfd: number): ProcessEnd | undefined {
  return waitid(byPidfd, pidfd, ended | noHang)
}

/** Takes the end of a child, if it has ended.
 *  @throws {LinuxError} `ECHILD` if it is not our child. */
export function reapChild(pid: number): ProcessEnd | undefined {
  return waitid(byPid, pid, ended | noHang)
}

/** Whether a child has ended that nobody has waited for yet; it can still be waited for. */
export function hasEndedChild(): boolean {
  try {
    return waitid(anyChild, 0, ended | noHang | leaveIt) !== undefined
  } catch (error) {
    if (isErrno(error, 'ECHILD')) return false
    throw error
  }
}

function waitid(type: number, id: number, options: number): ProcessEnd | undefined {
  // siginfo_t: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status
  const info = new Int32Array(32)
  while (waitidCall(syscallNumber('waitid'), type, id, info, options, null) === -1) {
    const errno = lastErrno()
    if (errno !== constants.errno.EINTR) throw new LinuxError('waitid', undefined, errno)
  }
  const [, , how, , pid, , status = 0] = info
  if (pid === 0) return undefined
  const exited = 1
  return how === exited ? { kind: 'exited', code: status } : { kind: 'signaled', signal: signalName(status) }
}

/** `SIGKILL` for 9; a real-time signal by its number. */
export function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number)
  return found?.[0] ?? `SIG${number}`
}

/** Closes a descriptor that Node does not know of. */
export function closeProcess(pidfd: number): void {
  closeCall(pidfd)
}
