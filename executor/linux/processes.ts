import { constants } from 'node:os'
import { checked, cString, lastErrno, libcFunction, watchReadable } from './libc.ts'
import { LinuxError, type LinuxPath } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

type Strings = readonly (string | null)[]
const exitCall = libcFunction<[number]>('void _exit(int status)')
const setsidCall = libcFunction<[]>('int setsid()')
const execveCall = libcFunction<[string | Uint8Array, Strings, Strings]>(
  'int execve(const char *path, const char **argv, const char **env)',
)
const prctl = libcFunction<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
)
const signalCall = libcFunction<[number, bigint | null]>('void *signal(int number, void *handler)')
const sigprocmask = libcFunction<[number, Uint8Array, null]>(
  'int sigprocmask(int how, const void *set, void *previous)',
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

/** Ends this process at once: nothing is flushed, no handler runs.
 *  @see https://man7.org/linux/man-pages/man2/_exit.2.html */
export function exitNow(code: number): never {
  exitCall(code)
  throw new Error('_exit() came back')
}

/** Becomes the leader of a new session without a terminal.
 *  @throws {LinuxError} `EPERM` for a process that leads a group already.
 *  @see https://man7.org/linux/man-pages/man2/setsid.2.html */
export function startSession(): void {
  checked(setsidCall(), 'setsid')
}

/** Replaces the program of this process. Comes back only to throw.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/execve.2.html */
export function execve(path: LinuxPath, argv: readonly string[], env: readonly string[]): never {
  checked(execveCall(cString(path), [...argv, null], [...env, null]), 'execve', path)
  throw new Error('execve() came back')
}

/** What a program expects to start with: every signal at its default, none blocked. Node ignores SIGPIPE, for one, and ignored signals
 *  stay ignored across execve.
 *  @see https://man7.org/linux/man-pages/man7/signal.7.html */
export function resetSignals(): void {
  const lastSignal = 64
  // SIGKILL, SIGSTOP and the C library's own two refuse, which is right.
  for (let number = 1; number <= lastSignal; number++) signalCall(number, null)
  const setMask = 2
  checked(sigprocmask(setMask, new Uint8Array(128), null), 'sigprocmask')
}

/** For a process that ends when its standard input does, and not before, whatever keys are pressed at the terminal.
 *  @see https://man7.org/linux/man-pages/man2/signal.2.html (SIG_IGN) */
export function ignoreInterrupts(): void {
  const ignore = 1n
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) signalCall(constants.signals[name], ignore)
}

/** Asks the kernel to kill the calling process when its parent thread ends. A change of user or capabilities takes it back.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html */
export function dieWithParent(): void {
  const setDeathSignal = 1
  checked(prctl(setDeathSignal, constants.signals.SIGKILL, 0, 0, 0), 'prctl PR_SET_PDEATHSIG')
}

/** Makes orphans among our descendants our children, rather than those of the namespace's init.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html */
export function becomeSubreaper(): void {
  const setSubreaper = 36
  checked(prctl(setSubreaper, 1, 0, 0, 0), 'prctl PR_SET_CHILD_SUBREAPER')
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
  const end = pollProcess(pidfd)
  if (end === undefined) throw new Error('pidfd is readable before the process has ended')
  return end
}

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
const noHang = 1
const ended = 4

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
