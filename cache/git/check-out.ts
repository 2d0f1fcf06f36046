import { existsSync, lutimesSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readCommitTime } from './commit-time.ts'
import { mirroredName } from './mirror.ts'
import { askRepository, runLocally, type Repository } from './repository.ts'

export interface CheckOut {
  readonly commit: string
  readonly submodules: boolean
  /** Give all files the time of the commit. */
  readonly commitTime: boolean
  /** Leave a `.git` that stands by itself: it knows where it comes from, and what the commit was called there. */
  readonly keepGitDirectory: { readonly origin: string; readonly name: string | undefined } | undefined
}

/** Writes the files of a commit of the mirror into an empty folder, with those of its submodules. What a repository says about programs to run does not
 *  count.
 *  @throws {BuildError} as `askRepository()` does, for submodules */
export async function checkOut(
  repository: Repository,
  mirror: string,
  folder: string,
  wanted: CheckOut,
  signal: AbortSignal,
): Promise<void> {
  const { commit, keepGitDirectory } = wanted
  const git = (args: readonly string[], protocols: 'file' | 'none' = 'none'): Promise<string> =>
    runLocally(repository, args, { cwd: folder, protocols, signal })
  const name = keepGitDirectory?.name ?? 'refs/stave/head'
  await git(['init', '--quiet', '--template='])
  await git(
    [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--depth=1',
      '--',
      mirror,
      `+${mirroredName(commit)}:${name}`,
    ],
    'file',
  )
  // Submodules may be named relative to it.
  await git(['config', 'remote.origin.url', repository.address])
  await git(['config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*'])
  await git(['checkout', '--quiet', '--detach', commit])
  if (wanted.submodules && existsSync(join(folder, '.gitmodules'))) await checkOutSubmodules(repository, folder, signal)
  const commitSeconds = wanted.commitTime ? await readCommitTime(repository, folder, commit, signal) : undefined
  if (keepGitDirectory === undefined) await removeGitDirectories(folder)
  else if (keepGitDirectory.name === undefined) await git(['update-ref', '-d', name])
  if (commitSeconds !== undefined) setTimes(folder, commitSeconds)
}

async function checkOutSubmodules(repository: Repository, cwd: string, signal: AbortSignal): Promise<void> {
  const update = ['submodule', 'update', '--init', '--recursive', '--progress']
  try {
    await askRepository(repository, [...update, '--depth=1'], { cwd, signal })
  } catch {
    signal.throwIfAborted()
    // Not every server gives out a part, or a commit that no reference leads to.
    await askRepository(repository, update, { cwd, signal })
  }
}

/** The repository's own, and what submodules have in the place of one. */
async function removeGitDirectories(folder: string): Promise<void> {
  const hasSubmodules = existsSync(join(folder, '.git/modules'))
  await rm(join(folder, '.git'), { recursive: true })
  if (!hasSubmodules) return
  const open = [folder]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const item of readdirSync(next, { withFileTypes: true })) {
      if (item.isDirectory()) open.push(join(next, item.name))
      else if (item.name === '.git') await rm(join(next, item.name))
    }
  }
}

function setTimes(folder: string, seconds: number): void {
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, item.name)
    if (item.isDirectory()) setTimes(path, seconds)
    lutimesSync(path, seconds, seconds)
  }
}
