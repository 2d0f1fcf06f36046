import { closeSync, constants, lstatSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import {
  addMountAttributes,
  attachMountOnto,
  cloneMount,
  createMount,
  descriptorPath,
  isErrno,
  mount,
  mountAttributes,
  mountFlags,
  openInRoot,
  openPathOnly,
  unmount,
} from '../../linux/index.ts'
import type { SandboxMount } from '../sandbox.ts'

type BindMount = Extract<SandboxMount, { kind: 'bind' }>

/** Mounts at the target inside the root, over what is there. The process that will see it must not be able to mount anything itself. Other processes may be putting links
 *  into a cache that is mounted already: whatever they do, nothing is made or mounted outside the root.
 *  @returns what takes the mount away, and the place for it if there was none
 *  @throws {LinuxError} */
export function putRealMount(root: string, wanted: SandboxMount): () => void {
  const rootFd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const removePlace = ensurePlace(rootFd, wanted)
    try {
      const mountFd = attach(rootFd, wanted)
      return () => {
        unmount(mountFd, 'lazy')
        closeSync(mountFd)
        removePlace()
      }
    } catch (error) {
      removePlace()
      throw error
    }
  } finally {
    closeSync(rootFd)
  }
}

/** Below what is fresh, /dev or a tmpfs, nobody else could make it. */
function ensurePlace(rootFd: number, wanted: SandboxMount): () => void {
  if (isThere(rootFd, wanted.target)) return () => undefined
  const parentFd = openDirectory(rootFd, posix.dirname(wanted.target))
  const place = join(descriptorPath(parentFd), posix.basename(wanted.target))
  const isDirectory = wanted.kind === 'tmpfs' || lstatSync(wanted.source).isDirectory()
  try {
    if (isDirectory) mkdirSync(place, { mode: 0o755 })
    else writeFileSync(place, '', { flag: 'wx' })
  } catch (error) {
    closeSync(parentFd)
    throw error
  }
  return () => {
    if (isDirectory) rmdirSync(place)
    else rmSync(place)
    closeSync(parentFd)
  }
}

function isThere(rootFd: number, path: string): boolean {
  try {
    closeSync(openInRoot(rootFd, path, openPathOnly))
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/** Made where it is missing. */
function openDirectory(rootFd: number, path: string): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY
  try {
    return openInRoot(rootFd, path, flags)
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || path === '/') throw error
  }
  const parentFd = openDirectory(rootFd, posix.dirname(path))
  try {
    mkdirSync(join(descriptorPath(parentFd), posix.basename(path)), { mode: 0o755 })
  } finally {
    closeSync(parentFd)
  }
  return openInRoot(rootFd, path, flags)
}

/** @returns a descriptor of the mount's root */
function attach(rootFd: number, wanted: SandboxMount): number {
  const targetFd = openInRoot(rootFd, wanted.target, openPathOnly)
  let mountFd: number | undefined
  try {
    mountFd = wanted.kind === 'tmpfs' ? newMemory(wanted) : cloneMount(wanted.source, 'recursive')
    const limits = wanted.kind === 'bind' ? limitsOf(wanted) : []
    const isLimited = limits.length === 0 || limit(mountFd, limits)
    attachMountOnto(mountFd, targetFd)
    if (!isLimited) limitByRemount(mountFd, limits)
    return mountFd
  } catch (error) {
    if (mountFd !== undefined) closeSync(mountFd)
    throw error
  } finally {
    closeSync(targetFd)
  }
}

function newMemory({ mode, sizeBytes }: Extract<SandboxMount, { kind: 'tmpfs' }>): number {
  const size = sizeBytes === undefined ? [] : [['size', String(sizeBytes)] as const]
  return createMount({
    type: 'tmpfs',
    options: [['source', 'tmpfs'], ['mode', mode.toString(8)], ...size],
    attributes: mountAttributes.noSuid,
  })
}

type Limit = 'readOnly' | 'noSuid' | 'noDev' | 'noExec'

function limitsOf({ readOnly, hardened, noExec }: BindMount): readonly Limit[] {
  return [
    ...(readOnly ? (['readOnly'] as const) : []),
    ...(hardened ? (['noSuid', 'noDev'] as const) : []),
    ...(noExec ? (['noExec'] as const) : []),
  ]
}

/** `false` before Linux 5.12. */
function limit(mountFd: number, limits: readonly Limit[]): boolean {
  const attributes = limits.reduce((sum, name) => sum | mountAttributes[name], 0)
  try {
    addMountAttributes(mountFd, attributes, 'recursive')
    return true
  } catch (error) {
    if (isErrno(error, 'ENOSYS')) return false
    throw error
  }
}

function limitByRemount(mountFd: number, limits: readonly Limit[]): void {
  const flags = limits.reduce((sum, name) => sum | mountFlags[name], mountFlags.bind | mountFlags.remount)
  try {
    mount({ target: descriptorPath(mountFd), flags })
  } catch (error) {
    unmount(mountFd, 'lazy')
    throw error
  }
}
