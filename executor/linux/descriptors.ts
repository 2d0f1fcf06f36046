import { constants, openSync, readdirSync } from 'node:fs'
import { checked, libcFunction } from './libc.ts'
import { isErrno } from './linux-error.ts'
import { syscallNumber } from './syscall.ts'

const pipe2 = libcFunction<[Int32Array, number]>('int pipe2(void *fds, int flags)')
const dup2Call = libcFunction<[number, number]>('int dup2(int from, int to)')
const fcntl = libcFunction<[number, number, number]>('int fcntl(int fd, int command, long argument)')
const closeRange = libcFunction<[number, number, number, number]>(
  'long syscall(long number, unsigned int first, unsigned int last, unsigned int flags)',
)

export interface Pipe {
  readonly readFd: number
  readonly writeFd: number
}

const closeOnExec = 0o2000000

/** A pipe, closed on exec: Node's own `stdio: 'pipe'` is a socket, which programs cannot open again as /dev/stdout.
 *  The caller closes both ends.
 *  @throws {LinuxError} `EMFILE`
 *  @see https://man7.org/linux/man-pages/man2/pipe.2.html */
export function openPipe(): Pipe {
  const fds = new Int32Array(2)
  checked(pipe2(fds, closeOnExec), 'pipe2')
  const [readFd = -1, writeFd = -1] = fds
  return { readFd, writeFd }
}

/** Makes `to` mean what `from` means, across execve too.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/dup.2.html */
export function duplicateTo(from: number, to: number): void {
  if (from === to) {
    const setDescriptorFlags = 2
    checked(fcntl(from, setDescriptorFlags, 0), 'fcntl')
  } else {
    checked(dup2Call(from, to), 'dup2')
  }
}

/** Sees to it that no descriptor from `first` on outlives the next execve.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/close_range.2.html */
export function closeOnExecFrom(first: number): void {
  const markOnly = 4
  try {
    checked(closeRange(syscallNumber('closeRange'), first, 0xffffffff, markOnly), 'close_range')
  } catch (error) {
    // Linux 5.9 has the call, 5.11 the flag.
    if (!isErrno(error, 'ENOSYS', 'EINVAL')) throw error
    const [setDescriptorFlags, closeFlag] = [2, 1]
    const open = readdirSync('/proc/self/fd').map(Number)
    for (const fd of open.filter((number) => number >= first)) fcntl(fd, setDescriptorFlags, closeFlag)
  }
}

/** Opens the same pipe or file as a descriptor of another process of ours. The caller closes it.
 *  @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html */
export function reopenDescriptor(pid: number, fd: number, flags: 'r' | 'w'): number {
  return openSync(`/proc/${pid}/fd/${fd}`, flags === 'r' ? constants.O_RDONLY : constants.O_WRONLY)
}
