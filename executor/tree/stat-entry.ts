import type { BigIntStats } from 'node:fs'
import type { EntryType, TreeEntry } from './tree-reader.ts'

const typeBits = 0o170000n

const types: ReadonlyMap<bigint, EntryType> = new Map([
  [0o100000n, 'file'],
  [0o040000n, 'directory'],
  [0o120000n, 'symlink'],
  [0o020000n, 'character-device'],
  [0o060000n, 'block-device'],
  [0o010000n, 'fifo'],
  [0o140000n, 'socket'],
])

/** What lstat(2) says, in a tree's words. */
export function entryOfStats(stats: BigIntStats): TreeEntry {
  const type = types.get(stats.mode & typeBits)
  if (type === undefined) throw new Error(`lstat() gave mode ${stats.mode}, which is of no known type`)
  return {
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: type === 'file' ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    deviceMajor: majorOf(stats.rdev),
    deviceMinor: minorOf(stats.rdev),
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
