import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { systemCode } from './disk-full.ts'

/** Removes a folder with all that is in it; idempotent. An ordinary user's builds leave files of the user's subordinate ids, and directories that nobody may enter:
 *  those are removed as the root of a user namespace. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(systemCode(error) ?? '') || process.getuid?.() === 0) throw error
    if (!(await isRemovedInside(['--map-auto'], path)) && !(await isRemovedInside([], path))) throw error
  }
}

async function isRemovedInside(mapping: readonly string[], path: string): Promise<boolean> {
  const args = ['--user', '--map-root-user', ...mapping, '--', 'rm', '-rf', '--', path]
  return promisify(execFile)('unshare', args).then(
    () => true,
    () => false,
  )
}
