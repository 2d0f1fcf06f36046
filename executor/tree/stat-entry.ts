import type { BigIntStats } from 'node:fs'
import type { EntryType, TreeEntry } from './tree-reader.ts'

const typeBits = 0o170000

const types: ReadonlyMap<number, EntryType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
])

/** What lstat(2) says, in a tree's words.
 *  @param owner whose it is to be, whatever the disk says */
export function entryOfStats(stats: BigIntStats, owner?: { readonly uid: number; readonly gid: number }): TreeEntry {
  const mode = Number(stats.mode)
  const type = types.get(mode & typeBits)
  if (type === undefined) throw new Error(`lstat() gave mode ${mode}, which is of no known type`)
  return {
    type,
    mode: mode & 0o7777,
    uid: owner?.uid ?? Number(stats.uid),
    gid: owner?.gid ?? Number(stats.gid),
    sizeBytes: type === 'file' ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    deviceMajor: stats.rdev === 0n ? 0 : majorOf(stats.rdev),
    deviceMinor: stats.rdev === 0n ? 0 : minorOf(stats.rdev),
    fileId: `${stats.dev}:${stats.ino}`,
    linkCount: Number(stats.nlink),
  }
}

/** How glibc packs device numbers: makedev(3). */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn))
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & ~0xffn))
}
