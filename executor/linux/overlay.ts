import { closeSync, constants, openSync } from 'node:fs'
import { createMount, type FileSystemOption } from './create-mount.ts'
import { isKernelAtLeast } from './kernel-release.ts'
import { isErrno } from './linux-error.ts'
import { attachMount, mount, mountAttributes, mountFlags } from './mount.ts'

export interface OverlayMount {
  /** Directories, the lowest first. At least one; at least two without an upper. At most 500. */
  readonly lower: readonly string[]
  readonly target: string
  /** Where changes go; without it the mount is read-only. */
  readonly upper?: string | undefined
  /** With `upper`: an empty directory of the same file system, of this mount's own. */
  readonly work?: string | undefined
  /** Opaque marks in `user.overlay.*`: what a user namespace may write. Linux 5.11. */
  readonly userxattr: boolean
  /** Do not flush the upper's whole file system to disk when this is unmounted. After a crash of the machine the upper is void, and before
   *  another mount `work` must be a fresh directory. Linux 5.10; ignored before it. */
  readonly volatile?: boolean
}

/** Mounts an overlay in which each file's change is complete in the upper: `redirect_dir`, `metacopy` and `index` are off, so that
 *  the upper is a diff that can be read without the kernel.
 *
 *  `redirect_dir` is known since Linux 4.10, `index` since 4.13, `metacopy` since 4.19; an older kernel refuses an unknown option, and is not
 *  told. With `userxattr` the first two are off by themselves, and some kernels refuse to hear it.
 *  @throws {LinuxError} `EPERM` where this user may not mount, `EINVAL` for directories that overlayfs does not take: a file system without
 *  d_type or xattrs as the upper, an upper that is itself on an overlay, or more than 500 lower ones.
 *  @see https://www.kernel.org/doc/html/latest/filesystems/overlayfs.html */
export function mountOverlay(request: OverlayMount): void {
  const directories = { ...request, lower: [...request.lower].reverse() }
  const options = classicOptions(directories)
  if (options !== undefined) mountClassic(directories, options)
  else {
    try {
      mountByParts(directories)
    } catch (error) {
      // `lowerdir+` came with Linux 6.7, fsopen with 5.2; a value may have 255 bytes.
      if (!isErrno(error, 'EINVAL', 'ENOSYS')) throw error
      mountByDescriptors(directories)
    }
  }
}

/** The options of mount(2) in one string, the topmost layer first; `undefined` if that overflows the page that the kernel copies. */
function classicOptions(request: OverlayMount): string | undefined {
  const page = 4096
  const { lower, upper, work } = request
  const text = [
    `lowerdir=${lower.map((path) => path.replace(/[\\:,]/g, '\\$&')).join(':')}`,
    ...(upper === undefined ? [] : [`upperdir=${escapeComma(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${escapeComma(work)}`]),
    ...features(request).map(spelt),
  ].join(',')
  return Buffer.byteLength(text) < page ? text : undefined
}

function escapeComma(path: string): string {
  return path.replace(/[\\,]/g, '\\$&')
}

function features({ upper, userxattr, volatile = false }: OverlayMount): readonly FileSystemOption[] {
  return [
    ...(userxattr ? [['userxattr'] as const] : [['redirect_dir', 'off'] as const]),
    ...(!userxattr && isKernelAtLeast(4, 19) ? [['metacopy', 'off'] as const] : []),
    ...(isKernelAtLeast(4, 13) ? [['index', 'off'] as const] : []),
    ...(volatile && upper !== undefined && isKernelAtLeast(5, 10) ? [['volatile'] as const] : []),
  ]
}

function spelt([name, value]: FileSystemOption): string {
  return value === undefined ? name : `${name}=${value}`
}

function mountClassic({ target, upper }: OverlayMount, options: string): void {
  mount({ source: 'overlay', target, type: 'overlay', flags: upper === undefined ? mountFlags.readOnly : 0, options })
}

/** One option after the other, so that no page limits them. */
function mountByParts(request: OverlayMount): void {
  const { lower, upper, work, target } = request
  const options: readonly FileSystemOption[] = [
    ...lower.map((directory) => ['lowerdir+', directory] as const),
    ...(upper === undefined ? [] : [['upperdir', upper] as const]),
    ...(work === undefined ? [] : [['workdir', work] as const]),
    ...features(request),
  ]
  attachMount(
    createMount({ type: 'overlay', options, attributes: upper === undefined ? mountAttributes.readOnly : 0 }),
    target,
  )
}

/** Gives every directory the shortest name there is, that of a descriptor: some 230 of them fit in the page. */
function mountByDescriptors(request: OverlayMount): void {
  const opened: number[] = []
  const shorten = (path: string): string => {
    const fd = openSync(path, constants.O_DIRECTORY | 0o10000000)
    opened.push(fd)
    return `/proc/self/fd/${fd}`
  }
  try {
    const { lower, upper, work } = request
    const named: OverlayMount = {
      ...request,
      lower: lower.map(shorten),
      upper: upper === undefined ? undefined : shorten(upper),
      work: work === undefined ? undefined : shorten(work),
    }
    const options = classicOptions(named)
    if (options === undefined) throw new Error(`${lower.length} layers overflow the options of mount(2)`)
    mountClassic(named, options)
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
