import { constants } from 'node:os'

/** A path as the kernel has it: text, or the bytes of a name that is no UTF-8. Neither holds a zero byte. */
export type LinuxPath = string | Uint8Array

/** Name of an errno, such as `ENOENT`. */
export type ErrnoName = keyof typeof constants.errno | `E${number}`

const names = new Map(Object.entries(constants.errno).map(([name, errno]) => [errno, name as ErrnoName]))
// Two names, one number: these are what the manual pages say.
names.set(constants.errno.EAGAIN, 'EAGAIN')
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP')

/** A system call that the kernel refused.
 *  @see https://man7.org/linux/man-pages/man3/errno.3.html */
export class LinuxError extends Error {
  override readonly name = 'LinuxError'
  /** The system call, such as `mount`. */
  readonly call: string
  /** The path it was about, for people; `undefined` where there is none. */
  readonly path: string | undefined
  readonly code: ErrnoName
  readonly errno: number

  constructor(call: string, path: LinuxPath | undefined, errno: number) {
    const code = names.get(errno) ?? `E${errno}`
    const shown = typeof path === 'object' ? Buffer.from(path).toString() : path
    super(shown === undefined ? `${call}: ${code}` : `${call} ${JSON.stringify(shown)}: ${code}`)
    this.call = call
    this.path = shown
    this.code = code
    this.errno = errno
  }
}

/** Whether a failure is the kernel saying one of these, from a call here or from `node:fs`. */
export function isErrno(error: unknown, ...codes: readonly ErrnoName[]): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return codes.some((code) => code === error.code)
}
