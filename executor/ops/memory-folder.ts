import { mkdirSync, statfsSync } from 'node:fs'
import { mount, mountFlags, unmount } from '../linux/index.ts'

/** A folder whose files are never on a disk. Disposing takes it away, with all that is in it. */
export interface MemoryFolder extends Disposable {
  readonly path: string
}

/** @param path where nothing is yet; the directory stays when the folder is gone
 *  @throws {LinuxError} */
export function openMemoryFolder(path: string): MemoryFolder {
  mkdirSync(path)
  mount({ source: 'tmpfs', target: path, type: 'tmpfs', flags: mountFlags.noSuid, options: 'mode=700' })
  return { path, [Symbol.dispose]: () => unmount(path, 'lazy') }
}

/** @see https://man7.org/linux/man-pages/man2/statfs.2.html */
export function isInMemory(path: string): boolean {
  const [tmpfs, ramfs] = [0x01021994, 0x858458f6]
  return [tmpfs, ramfs].includes(statfsSync(path).type)
}
