import { BuildError } from '../../core/errors.ts'

/** What to try when the store's disk is full. */
export const diskFullHint = 'Free some space there, or choose another place with --root or STAVE_HOME.'

/** What to throw for a failure to write at `path`: `DISK_FULL` where the disk or a quota is used up, else the failure as it was. */
export function naming(path: string, error: unknown): unknown {
  const code = systemCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new BuildError(
    'DISK_FULL',
    `Cannot write ${path}: ${code === 'ENOSPC' ? 'the disk is full' : 'a disk quota is used up'}`,
    { hint: diskFullHint, cause: error },
  )
}

/** `ENOENT` and the like, or `undefined` for an error that no system call made. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
