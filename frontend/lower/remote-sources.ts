import { invalid } from '../instructions/invalid.ts'
import type { CopyInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import { unsupported } from './unsupported.ts'

/** Whether a source of ADD is a git repository: by its scheme, as `user@host:path`, or by `.git` at the end of a URL.
 *  @see https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository */
export function isGitSource(source: string): boolean {
  if (/^(?:git|ssh):\/\//.test(source)) return true
  if (/^https?:\/\/[^?#]+\.git(?:[?#].*)?$/.test(source)) return true
  return /^[a-zA-Z0-9._-]+@[a-zA-Z0-9.-]+:.+/.test(source)
}

export function isHttpSource(source: string): boolean {
  return /^https?:\/\//.test(source) && !isGitSource(source)
}

/** @throws {BuildError} for a source that is not a local path */
export function refuseRemote({ kind }: CopyInstruction, word: PlacedText, source: string): void {
  const isGit = isGitSource(source)
  if (!isGit && !isHttpSource(source)) return
  if (kind === 'copy') {
    throw invalid(word.range, `Source can't be a ${isGit ? 'git ref' : 'URL'} for COPY`, 'ADD takes remote sources.')
  }
  throw unsupported(word.range, `ADD of a ${isGit ? 'git repository' : 'URL'}`)
}
