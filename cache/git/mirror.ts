import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { GitFailure, runGit } from './git-program.ts'
import { askRepository, runLocally, type Repository } from './repository.ts'

export interface MirrorOptions {
  readonly signal: AbortSignal
  /** An empty folder on the same file system, for what is thrown away. */
  readonly discarded: () => Promise<string>
  readonly onComplaint: (text: string) => void
}

/** Under this name a mirror keeps a commit that was asked for. */
export function mirroredName(commit: string): string {
  return `refs/stave/${commit}`
}

/** Brings a commit into the mirror at `path`, a bare repository that is made when it is missing: the commit alone where the server can do that, else all that
 *  it takes to have it. The caller holds the mirror's lock. A mirror that a killed process has left in disorder is made anew.
 *  @param name the reference that the commit was found by
 *  @throws {BuildError} `SOURCE_NOT_FOUND`, and what `askRepository()` throws */
export async function fetchIntoMirror(
  repository: Repository,
  path: string,
  commit: string,
  name: string,
  options: MirrorOptions,
): Promise<void> {
  const isOld = existsSync(join(path, 'HEAD'))
  if (!isOld) await makeMirror(repository, path, options)
  if (await holds(repository, path, commit, options)) {
    await keep(repository, path, commit, options)
    return
  }
  try {
    await fetchCommit(repository, path, commit, name, options)
  } catch (error) {
    if (!isOld || !(error instanceof BuildError) || error.code !== 'SOURCE_FAILED') throw error
    await makeMirror(repository, path, options)
    await fetchCommit(repository, path, commit, name, options)
  }
}

async function makeMirror(repository: Repository, path: string, { signal, discarded }: MirrorOptions): Promise<void> {
  if (existsSync(path)) await rename(path, join(await discarded(), 'mirror'))
  await mkdir(path, { recursive: true })
  await runLocally(repository, ['init', '--quiet', '--bare', '--template='], { cwd: path, signal })
}

async function fetchCommit(
  repository: Repository,
  path: string,
  commit: string,
  name: string,
  options: MirrorOptions,
): Promise<void> {
  const spec = `+${commit}:${mirroredName(commit)}`
  const everything = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
  const attempts: readonly (readonly string[])[] = [
    ['--depth=1', '--', repository.address, spec],
    ['--depth=1', '--', repository.address, `+${name}:${mirroredName(commit)}`],
    // Servers that cannot give a part, such as folders on a web server, can give everything.
    [...(existsSync(join(path, 'shallow')) ? ['--unshallow'] : []), '--', repository.address, ...everything],
  ]
  let failure: BuildError | undefined
  for (const attempt of attempts) {
    try {
      const args = ['fetch', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', '--progress', ...attempt]
      await askRepository(repository, args, { cwd: path, ...options })
    } catch (error) {
      if (!(error instanceof BuildError) || !canGoOn(error)) throw error
      failure = error
      continue
    }
    if (await holds(repository, path, commit, options)) {
      await keep(repository, path, commit, options)
      return
    }
  }
  throw (
    failure ??
    new BuildError('SOURCE_NOT_FOUND', `Cannot use ${repository.address}: it has no commit ${commit}`, {
      hint: 'A commit that no branch or tag leads to may be gone, or may not be given out.',
    })
  )
}

/** What another way of asking may mend. */
function canGoOn({ code }: BuildError): boolean {
  return code === 'SOURCE_FAILED' || code === 'SOURCE_NOT_FOUND'
}

async function holds(
  repository: Repository,
  path: string,
  commit: string,
  { signal }: MirrorOptions,
): Promise<boolean> {
  try {
    await runGit(['cat-file', '-e', `${commit}^{commit}`], { ...repository, cwd: path, protocols: 'none', signal })
    return true
  } catch (error) {
    if (error instanceof GitFailure) return false
    throw error
  }
}

async function keep(repository: Repository, path: string, commit: string, { signal }: MirrorOptions): Promise<void> {
  const args = ['update-ref', mirroredName(commit), `${commit}^{commit}`]
  await runLocally(repository, args, { cwd: path, signal })
}
