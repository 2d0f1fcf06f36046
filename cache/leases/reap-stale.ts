import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../disk/index.ts'
import { leasesFolder } from './lease.ts'
import { fateOf, findOwner } from './owner.ts'

const untouchedMs = 24 * 60 * 60 * 1000

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
  return removed
}

/** Whether the lease is over: its owner has disposed of it, or is gone. */
export async function isLeaseOver(storeRoot: string, owner: string, nowMs: number): Promise<boolean> {
  const path = join(leasesFolder(storeRoot), owner)
  return (await touchedAtMs(path)) === undefined || (await isStale(path, owner, nowMs))
}

async function isStale(path: string, name: string, nowMs: number): Promise<boolean> {
  const owner = findOwner(name)
  const fate = owner === undefined ? 'unknown' : fateOf(owner)
  if (fate !== 'unknown') return fate === 'gone'
  const touched = await touchedAtMs(path)
  return touched !== undefined && nowMs - touched > untouchedMs
}

async function touchedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function isRemoved(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true })
    return true
  } catch {
    return false
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
