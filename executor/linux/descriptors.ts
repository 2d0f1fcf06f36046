import { checked, libcFunction } from './libc.ts'

const pipe2 = libcFunction<[Int32Array, number]>('int pipe2(void *fds, int flags)')

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
