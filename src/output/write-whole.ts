import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BuildError } from '../../core/errors.ts'

/** Lets `write` make a file or a folder beside `path`, then renames it into place: what was there before stays until then, and for good when
 *  writing fails.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL` */
export async function writeWhole(path: string, write: (staged: string) => Promise<void>): Promise<void> {
  const staged = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await mkdir(dirname(path), { recursive: true })
    await write(staged)
    await rename(staged, path)
  } catch (error) {
    await rm(staged, { recursive: true, force: true }).catch(() => undefined) // nothing can be there either
    throw explained(path, error)
  }
}

/** Says which output could not be written, when it was the disk that refused. */
export function explained(path: string, error: unknown): unknown {
  if (error instanceof BuildError || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new BuildError('DISK_FULL', `Cannot write ${path}: the disk is full`, {
      hint: 'Free some space there, or write elsewhere.',
      cause: error,
    })
  }
  return new BuildError('OUTPUT_FAILED', `Cannot write ${path}: ${error.message}`, { cause: error })
}
