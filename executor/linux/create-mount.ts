import { closeSync } from 'node:fs'
import { checked, libcFunction } from './libc.ts'
import { syscallNumber } from './syscall.ts'

const fsopen = libcFunction<[number, string, number]>('long syscall(long number, const char *type, unsigned int flags)')
const fsconfig = libcFunction<[number, number, number, string | null, string | null, number]>(
  'long syscall(long number, int fd, unsigned int command, const char *key, const char *value, int aux)',
)
const fsmount = libcFunction<[number, number, number, number]>(
  'long syscall(long number, int fd, unsigned int flags, unsigned int attributes)',
)

/** A name alone is a flag. A value has at most 255 bytes. */
export type FileSystemOption = readonly [name: string, value?: string]

export interface NewMount {
  readonly type: string
  readonly options: readonly FileSystemOption[]
  /** Some of `mountAttributes`, added. */
  readonly attributes: number
}

/** A mount that is attached nowhere yet. No page limits its options, and it is made in the view of the file system that holds now, which counts for those that a user
 *  namespace may make only where it sees them already. The caller closes the descriptor, which ends a mount that was not attached. Linux 5.2.
 *  @throws {LinuxError} `EINVAL` for an option that this kernel does not know.
 *  @see https://www.kernel.org/doc/html/latest/filesystems/mount_api.html
 *  @see https://man7.org/linux/man-pages/man2/fsopen.2.html */
export function createMount({ type, options, attributes }: NewMount): number {
  const [setFlag, setString, create] = [0, 1, 6]
  const closeOnExec = 1
  const context = checked(fsopen(syscallNumber('fsopen'), type, closeOnExec), 'fsopen', type)
  const configure = (command: number, key: string | null, value: string | null): void => {
    const result = fsconfig(syscallNumber('fsconfig'), context, command, key, value, 0)
    checked(result, 'fsconfig', key === null ? type : value === null ? key : `${key}=${value}`)
  }
  try {
    for (const [name, value] of options) configure(value === undefined ? setFlag : setString, name, value ?? null)
    configure(create, null, null)
    return checked(fsmount(syscallNumber('fsmount'), context, closeOnExec, attributes), 'fsmount', type)
  } finally {
    closeSync(context)
  }
}
