import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BuildError } from '../../core/errors.ts'

/** Lets `write` make a file or a folder beside `path`, then renames it into place: what was there before stays until then, and for good when
 *  writing fails. A link stays, and what it leads to is replaced; a device or a pipe is written to.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL` */
export async function writeWhole(path: string, write: (staged: string) => Promise<void>): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() === false && !found.isDirectory()) await writeThrough(path, write)
    else await replace(await realpath(path).catch(() => path), write)
  } catch (error) {
    throw explained(path, error)
  }
}

async function replace(path: string, write: (staged: string) => Promise<void>): Promise<void> {
  const staged = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await mkdir(dirname(path), { recursive: true })
    await write(staged)
    await rename(staged, path)
  } catch (error) {
    await rm(staged, { recursive: true, force: true }).catch(() => undefined) // nothing can be there either
    throw error
  }
}

/** For `/dev/stdout`, `/dev/null` and their like, which nobody wants replaced. */
async function writeThrough(path: string, write: (staged: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stave-'))
  try {
    const staged = join(folder, 'output')
    await write(staged)
    await pipeline(createReadStream(staged), createWriteStream(path, { flags: 'a' }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Says which output could not be written, when it was the disk that refused. */
export function explained(path: string, error: unknown): unknown {
  if (error instanceof BuildError || !(error instanceof Error) || !('code' in error)) return error
  if (error.name === 'AbortError') return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new BuildError('DISK_FULL', `Cannot write ${path}: the disk is full`, {
      hint: 'Free some space there, or write elsewhere.',
      cause: error,
    })
  }
  return new BuildError('OUTPUT_FAILED', `Cannot write ${path}: ${error.message}`, { cause: error })
}
