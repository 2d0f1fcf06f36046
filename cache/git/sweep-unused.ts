import { rename, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn, systemCode } from '../disk/index.ts'

/** As BuildKit keeps what git has checked out. */
const keptUnusedMs = 48 * 60 * 60 * 1000

/** Says that the folder is in use now: for two days nobody sweeps it away. */
export async function markUsed(folder: string): Promise<void> {
  const now = new Date()
  await utimes(folder, now, now)
}

/** Takes away what has not been marked as used for two days.
 *  @param folder what it holds is swept, one by one
 *  @param discarded makes an empty folder on the same file system, for what is thrown away */
export async function sweepUnused(
  folder: string,
  discarded: () => Promise<string>,
  nowMs: number = Date.now(),
): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    try {
      if (nowMs - (await stat(path)).mtimeMs > keptUnusedMs) await rename(path, join(await discarded(), name))
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error // another build was quicker
    }
  }
}
