import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { IgnoreFile } from '../../frontend/index.ts'

/** The ignore file of a context: `<Dockerfile>.dockerignore` beside the Dockerfile wins over `.dockerignore` in the context, and that over
 *  `.containerignore`; they are never merged.
 *  @param dockerfile `undefined` for contexts that have none */
export async function findIgnoreFile(context: string, dockerfile: string | undefined): Promise<IgnoreFile | undefined> {
  const own = dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]
  const shared = ['.dockerignore', '.containerignore'].map((name) => join(context, name))
  for (const path of [...own, ...shared]) {
    const text = await readFile(path, 'utf8').catch(ifMissing)
    if (text !== undefined) return { text, file: basename(path) }
  }
  return undefined
}

function ifMissing(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw error
}
