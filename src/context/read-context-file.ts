import { readFile, stat } from 'node:fs/promises'
import { BuildError } from '../../core/errors.ts'
import { largestDockerfileBytes } from './read-dockerfile.ts'

/** What a single file is that was given as the context. */
export type ContextFile =
  { readonly kind: 'archive' } | { readonly kind: 'dockerfile'; readonly text: string; readonly name: string }

/** An archive, as its first bytes tell; anything else is a Dockerfile.
 *  @param name what a Dockerfile is called
 *  @param identity what the context is called, `-` being standard input
 *  @throws {BuildError} `CONTEXT_INVALID` for what is empty, and what is too large */
export async function readContextFile(path: string, name: string, identity: string): Promise<ContextFile> {
  const { looksLikeArchive } = await import('../../cache/tar/index.ts')
  const { size } = await stat(path)
  const from = identity === '-' ? 'standard input' : identity
  if (size === 0) {
    throw new BuildError('CONTEXT_INVALID', `Cannot build from ${from}: it is empty`, {
      hint: 'An archive or a Dockerfile was expected.',
    })
  }
  if (await looksLikeArchive(path)) return { kind: 'archive' }
  if (size > largestDockerfileBytes) {
    throw new BuildError(
      'CONTEXT_INVALID',
      `Cannot build from ${from}: it is no archive, and too large for a Dockerfile`,
    )
  }
  return { kind: 'dockerfile', text: await readFile(path, 'utf8'), name }
}
