import { lstatSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { addMountAttributes, isErrno, mount, mountAttributes, mountFlags, unmount } from '../../linux/index.ts'
import type { SandboxMount } from '../sandbox.ts'

/** Mounts at a path, over what is there. The process that will see it must not be able to mount anything itself.
 *  @returns what takes the mount away, and the place for it if there was none
 *  @throws {LinuxError} */
export function putRealMount(path: string, wanted: SandboxMount): () => void {
  const removePlace = ensurePlace(path, wanted)
  try {
    attach(path, wanted)
  } catch (error) {
    removePlace()
    throw error
  }
  return () => {
    unmount(path, 'lazy')
    removePlace()
  }
}

/** Below what is fresh, /dev or a tmpfs, nobody else could make it. */
function ensurePlace(path: string, wanted: SandboxMount): () => void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return () => undefined
  if (wanted.kind === 'tmpfs' || lstatSync(wanted.source).isDirectory()) {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    return () => rmdirSync(path)
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(path, '')
  return () => rmSync(path)
}

function attach(path: string, wanted: SandboxMount): void {
  if (wanted.kind === 'tmpfs') {
    const size = wanted.sizeBytes === undefined ? [] : [`size=${wanted.sizeBytes}`]
    const options = [`mode=${wanted.mode.toString(8)}`, ...size].join(',')
    mount({ source: 'tmpfs', target: path, type: 'tmpfs', flags: mountFlags.noSuid, options })
    return
  }
  mount({ source: wanted.source, target: path, flags: mountFlags.bind | mountFlags.recursive })
  try {
    restrict(path, wanted)
  } catch (error) {
    unmount(path, 'lazy')
    throw error
  }
}

function restrict(path: string, { readOnly, hardened, noExec }: Extract<SandboxMount, { kind: 'bind' }>): void {
  const names = [
    ...(readOnly ? (['readOnly'] as const) : []),
    ...(hardened ? (['noSuid', 'noDev'] as const) : []),
    ...(noExec ? (['noExec'] as const) : []),
  ]
  if (names.length === 0) return
  try {
    addMountAttributes(
      path,
      names.reduce((sum, name) => sum | mountAttributes[name], 0),
      'recursive',
    )
  } catch (error) {
    // Before Linux 5.12.
    if (!isErrno(error, 'ENOSYS')) throw error
    const flags = names.reduce((sum, name) => sum | mountFlags[name], mountFlags.bind | mountFlags.remount)
    mount({ target: path, flags })
  }
}
