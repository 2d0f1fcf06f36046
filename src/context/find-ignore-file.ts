import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { systemCode } from '../../cache/disk/index.ts'
import { BuildError } from '../../core/errors.ts'
import type { IgnoreFile } from '../../frontend/index.ts'

/** The ignore file of a context: `<Dockerfile>.dockerignore` beside the Dockerfile wins over `.dockerignore` in the context, and that over
 *  `.containerignore`; they are never merged.
 *  @param dockerfile `undefined` for contexts that have none
 *  @throws {BuildError} `CONTEXT_INVALID` for one that cannot be read */
export async function findIgnoreFile(context: string, dockerfile: string | undefined): Promise<IgnoreFile | undefined> {
  const own = dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]
  const shared = ['.dockerignore', '.containerignore'].map((name) => join(context, name))
  for (const path of [...own, ...shared]) {
    const text = await readIfThere(path)
    if (text !== undefined) return { text, file: basename(path) }
  }
  return undefined
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) throw unreadable(path, 'it is no ordinary file')
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof BuildError) throw error
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unreadable(path, code === 'EACCES' ? 'this user may not' : String(error))
  }
}

function unreadable(path: string, why: string): BuildError {
  return new BuildError('CONTEXT_INVALID', `Cannot read the ignore file ${path}: ${why}`)
}
