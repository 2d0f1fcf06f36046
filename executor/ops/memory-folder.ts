import { mkdirSync, statfsSync } from 'node:fs'
import { mount, mountFlags } from '../linux/index.ts'

/** Makes a folder whose files are never on a disk. It goes with the mounts of this process, which must be its own.
 *  @param path where nothing is yet
 *  @throws {LinuxError} */
export function makeMemoryFolder(path: string): void {
  mkdirSync(path)
  mount({ source: 'tmpfs', target: path, type: 'tmpfs', flags: mountFlags.noSuid, options: 'mode=700' })
}

/** @see https://man7.org/linux/man-pages/man2/statfs.2.html */
export function isInMemory(path: string): boolean {
  const [tmpfs, ramfs] = [0x01021994, 0x858458f6]
  return [tmpfs, ramfs].includes(statfsSync(path).type)
}
