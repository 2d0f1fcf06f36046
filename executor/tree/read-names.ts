import { isUtf8 } from 'node:buffer'
import { readdirSync, type Dirent } from 'node:fs'
import { BuildError } from '../../core/errors.ts'

/** The names in a directory, sorted by code unit.
 *  @throws {BuildError} `UNSUPPORTED` for a name that is no UTF-8: Node would give it in a form that finds nothing, and the file would be lost silently */
export function readNames(directory: string): string[] {
  const names = readdirSync(directory)
  if (names.some((name) => name.includes('\ufffd'))) rejectOtherEncodings(directory)
  return names.sort()
}

/** The same in no order, and with the type of each, which costs a fraction of looking at it.
 *  @throws {BuildError} as `readNames()` */
export function readTyped(directory: string): readonly Dirent[] {
  const entries = readdirSync(directory, { withFileTypes: true })
  if (entries.some(({ name }) => name.includes('\ufffd'))) rejectOtherEncodings(directory)
  return entries
}

function rejectOtherEncodings(directory: string): void {
  const wrong = readdirSync(directory, { encoding: 'buffer' }).find((name) => !isUtf8(name))
  if (wrong === undefined) return
  throw new BuildError(
    'UNSUPPORTED',
    `Cannot take the file ${JSON.stringify(wrong.toString('latin1'))}: its name is not UTF-8`,
    {
      hint: `It is in a directory ${JSON.stringify(directory.slice(directory.lastIndexOf('/') + 1))}. Rename or remove it.`,
    },
  )
}
