import type { ModeChange } from '../../core/ops.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { invalid } from '../instructions/invalid.ts'

/** The value of --chmod.
 *  @throws {BuildError} `INSTRUCTION_INVALID`
 *  @see https://docs.docker.com/reference/dockerfile/#copy---chown---chmod */
export function readChmod(text: string, source: SourceRange): ModeChange {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    return { kind: 'octal', mode: Number.parseInt(text, 8) }
  }
  if (/^\d/.test(text)) {
    throw invalid(source, `Invalid chmod parameter: '${text}'. It should be octal string and between 0 and 07777`)
  }
  const clause = '[ugoa]*(?:[-+=][rwxXstugo]*)+'
  if (new RegExp(`^${clause}(?:,${clause})*$`).test(text)) return { kind: 'symbolic', text }
  throw invalid(
    source,
    `Invalid chmod parameter: '${text}' has an invalid syntax`,
    'A mode is such as 644 or u=rwX,go=rX.',
  )
}
