import { isUtf8 } from 'node:buffer'
import { readlinkSync } from 'node:fs'
import { BuildError } from '../../core/errors.ts'

/** What a symbolic link holds.
 *  @throws {BuildError} `UNSUPPORTED` for a target that is no UTF-8: Node would give it in a form that leads elsewhere */
export function readTarget(hostPath: string): string {
  const target = readlinkSync(hostPath)
  if (!target.includes('\ufffd') || isUtf8(readlinkSync(hostPath, { encoding: 'buffer' }))) return target
  throw new BuildError(
    'UNSUPPORTED',
    `Cannot take the link ${JSON.stringify(hostPath.slice(hostPath.lastIndexOf('/') + 1))}: what it leads to is not UTF-8`,
    {
      hint: `It leads to ${JSON.stringify(readlinkSync(hostPath, { encoding: 'latin1' }))}. Rename that, or remove the link.`,
    },
  )
}
