import { runLocally, type Repository } from './repository.ts'

/** When the commit was made, in seconds since 1970.
 *  @param folder absolute path of a repository that has it
 *  @throws {BuildError} as `runLocally()` does */
export async function readCommitTime(
  repository: Repository,
  folder: string,
  commit: string,
  signal: AbortSignal,
): Promise<number> {
  return Number(await runLocally(repository, ['log', '-1', '--format=%ct', commit], { cwd: folder, signal }))
}
