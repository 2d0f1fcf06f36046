import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../disk/index.ts'
import { leasesFolder } from './lease.ts'
import { fateOf, findOwner } from './owner.ts'

const untouchedMs = 24 * 60 * 60 * 1000

/** Whether the lease is over: its owner has disposed of it, or is gone. */
export async function isLeaseOver(storeRoot: string, owner: string, nowMs: number): Promise<boolean> {
  const path = join(leasesFolder(storeRoot), owner)
  return (await touchedAtMs(path)) === undefined || (await isStale(path, owner, nowMs))
}

/** Whether the owner of the folder is gone, as far as can be told from here. */
export async function isStale(path: string, name: string, nowMs: number): Promise<boolean> {
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
