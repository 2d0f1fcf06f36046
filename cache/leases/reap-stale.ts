import { join } from 'node:path'
import { namesIn, removeTree } from '../disk/index.ts'
import { isStale } from './lease-over.ts'
import { leasesFolder } from './lease.ts'
import { sweepLocks } from './lock-key.ts'

/** Removes what processes that are gone have left unfinished, and gives the folders removed. Costs one `readdir` where all is well. Safe beside
 *  live processes and beside other reapers. An owner in a pid namespace that we cannot see into counts as gone when its
 *  folder was untouched for a day; what we have no right to remove stays for whoever has it. */
export async function reapStale(storeRoot: string, nowMs: number = Date.now()): Promise<readonly string[]> {
  const folder = leasesFolder(storeRoot)
  const removed: string[] = []
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    if (!(await isStale(path, name, nowMs))) continue
    if (await isRemoved(path)) removed.push(path)
  }
  if (removed.length > 0) await sweepLocks(storeRoot)
  return removed
}

async function isRemoved(path: string): Promise<boolean> {
  try {
    await removeTree(path)
    return true
  } catch {
    return false
  }
}
