import { BuildError } from '../../core/errors.ts'
import { parseCsvPairs } from './parse-csv.ts'

const methods = ['build', 'check', 'outline', 'targets'] as const
const formats = ['text', 'json', 'sarif'] as const

/** What `--call` asks for instead of an image. */
export interface Call {
  readonly method: (typeof methods)[number]
  readonly format: (typeof formats)[number]
  /** Findings of `check` are no failure. */
  readonly ignoreStatus: boolean
}

/** Reads `check,format=json,ignorestatus`. `lint` is another word for `check`.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseCall(text: string): Call {
  const [first, ...attributes] = parseCsvPairs(text)
  const word = first?.[0] === 'lint' ? 'check' : first?.[0]
  const method = methods.find((known) => known === word)
  if (method === undefined || first?.[1] !== undefined) {
    throw invalid(text, `the methods are ${methods.join(', ')}`)
  }
  let format: Call['format'] = 'text'
  let ignoreStatus = false
  for (const [name, value] of attributes) {
    if (name === 'format') format = readFormat(text, value)
    else if (name === 'ignorestatus') ignoreStatus = readBoolean(text, value)
    else throw invalid(text, `there is no attribute ${JSON.stringify(name)}`)
  }
  if (format === 'sarif' && method !== 'check') throw invalid(text, 'format=sarif is for check alone')
  return { method, format, ignoreStatus }
}

function readFormat(text: string, value: string | undefined): Call['format'] {
  const format = formats.find((known) => known === value)
  if (format === undefined) throw invalid(text, `the formats are ${formats.join(', ')}`)
  return format
}

function readBoolean(text: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw invalid(text, `"ignorestatus" is true or false, not ${JSON.stringify(value)}`)
}

function invalid(text: string, why: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot read the call ${JSON.stringify(text)}: ${why}`, {
    hint: 'Write it as check, or as check,format=json.',
  })
}
