import { lchownSync } from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import { isErrno } from '../linux/index.ts'

/** Gives what a mount shows to a user.
 *  @throws {BuildError} `MOUNT_INVALID` for a user that this one's namespace does not have */
export function changeOwner(path: string, target: string, uid: number, gid: number): void {
  try {
    lchownSync(path, uid, gid)
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    throw new BuildError('MOUNT_INVALID', `Cannot give what is mounted at ${JSON.stringify(target)} to ${uid}:${gid}`, {
      hint: 'This user has no such subordinate id: see /etc/subuid and /etc/subgid.',
    })
  }
}
