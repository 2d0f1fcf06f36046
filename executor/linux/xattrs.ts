import { constants } from 'node:os'
import { checked, cString, lastErrno, libcFunction } from './libc.ts'
import { isErrno, type LinuxPath } from './linux-error.ts'

type Text = string | Uint8Array
const lget = libcFunction<[Text, string, Uint8Array | null, number]>(
  'long lgetxattr(const char *path, const char *name, void *value, size_t size)',
)
const llist = libcFunction<[Text, Uint8Array | null, number]>(
  'long llistxattr(const char *path, void *list, size_t size)',
)
const lset = libcFunction<[Text, string, Uint8Array, number, number]>(
  'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
)
const lremove = libcFunction<[Text, string]>('int lremovexattr(const char *path, const char *name)')

/** The kernel's limit for one value, and for one list of names. */
const limitBytes = 65536
const shared = Buffer.allocUnsafeSlow(limitBytes)

/** The value of one attribute of the file itself, links not followed; `undefined`: it has none of that name.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/getxattr.2.html */
export function getXattr(path: LinuxPath, name: string): Uint8Array | undefined {
  const sizeBytes = lget(cString(path), name, shared, limitBytes)
  if (sizeBytes === -1 && absent.has(lastErrno())) return undefined
  return Uint8Array.prototype.slice.call(shared, 0, checked(sizeBytes, 'lgetxattr', path))
}

/** An error object costs ten times the call, and most files have no such attribute. */
const absent: ReadonlySet<number> = new Set([constants.errno.ENODATA, constants.errno.EOPNOTSUPP])

/** Names of the attributes of the file itself, sorted; none where the file system has none.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/listxattr.2.html */
export function listXattrNames(path: LinuxPath): readonly string[] {
  const text = cString(path)
  // Asking for the size alone is half the price, and nearly every file has none.
  const wantedBytes = llist(text, null, 0)
  if (wantedBytes === 0) return []
  try {
    const sizeBytes = checked(wantedBytes === -1 ? -1 : llist(text, shared, limitBytes), 'llistxattr', path)
    return shared.toString('utf8', 0, sizeBytes).split('\0').slice(0, -1).sort()
  } catch (error) {
    if (isErrno(error, 'EOPNOTSUPP')) return []
    throw error
  }
}

const none: ReadonlyMap<string, Uint8Array> = new Map()

/** All attributes of the file itself, by name in order.
 *  @throws {LinuxError} */
export function listXattrs(path: LinuxPath): ReadonlyMap<string, Uint8Array> {
  const names = listXattrNames(path)
  if (names.length === 0) return none
  const found = new Map<string, Uint8Array>()
  for (const name of names) {
    const value = getXattr(path, name)
    if (value !== undefined) found.set(name, value)
  }
  return found
}

/** Sets an attribute of the file itself, new or not.
 *  @throws {LinuxError} `EPERM` for a name that this user may not set, `EOPNOTSUPP` where there are no attributes.
 *  @see https://man7.org/linux/man-pages/man2/setxattr.2.html */
export function setXattr(path: LinuxPath, name: string, value: Uint8Array): void {
  checked(lset(cString(path), name, value, value.byteLength, 0), 'lsetxattr', path)
}

/** Removes an attribute of the file itself; idempotent.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/removexattr.2.html */
export function removeXattr(path: LinuxPath, name: string): void {
  try {
    checked(lremove(cString(path), name), 'lremovexattr', path)
  } catch (error) {
    if (!isErrno(error, 'ENODATA')) throw error
  }
}
