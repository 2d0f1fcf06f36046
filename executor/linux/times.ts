import { checked, cString, libcFunction } from './libc.ts'
import type { LinuxPath } from './linux-error.ts'

const utimensat = libcFunction<[number, string | Uint8Array, BigInt64Array, number]>(
  'int utimensat(int dirfd, const char *path, const void *times, int flags)',
)
const currentDirectory = -100
const noFollow = 0x100
/** `UTIME_OMIT` */
const leave = 0x3ffffffen
const perSecond = 1_000_000_000n

const shared = new BigInt64Array(4)

/** Sets both times of the file itself, links not followed. Nanoseconds since 1970, negative before it.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/utimensat.2.html */
export function setFileTimes(path: LinuxPath, mtimeNs: bigint, atimeNs = mtimeNs): void {
  place(0, atimeNs)
  place(2, mtimeNs)
  apply(path)
}

/** Sets the time of modification of the file itself, and leaves the other. `nanoseconds` is 0 to 999,999,999, and counts forward
 *  also before 1970.
 *  @throws {LinuxError} */
export function setMtime(path: LinuxPath, seconds: number, nanoseconds: number): void {
  shared[0] = 0n
  shared[1] = leave
  shared[2] = BigInt(seconds)
  shared[3] = BigInt(nanoseconds)
  apply(path)
}

function place(index: number, timeNs: bigint): void {
  const rest = timeNs % perSecond
  const nanoseconds = rest < 0n ? rest + perSecond : rest
  shared[index] = (timeNs - nanoseconds) / perSecond
  shared[index + 1] = nanoseconds
}

function apply(path: LinuxPath): void {
  checked(utimensat(currentDirectory, cString(path), shared, noFollow), 'utimensat', path)
}
