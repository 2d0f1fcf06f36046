import { readdir } from 'node:fs/promises'
import { systemCode } from './disk-full.ts'

/** What the folder holds, in no particular order; nothing where there is no folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
