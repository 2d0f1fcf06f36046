import { diskFullHint } from '../../cache/disk/disk-full.ts'
import { BuildError, type ErrorCode } from '../../core/errors.ts'

/** An error as data, to cross from one process or thread to another. */
export type SentError =
  | { readonly kind: 'build'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string | undefined }

export function sendError(error: unknown): SentError {
  if (error instanceof BuildError) return { kind: 'build', code: error.code, message: error.message, hint: error.hint }
  if (hasCode(error, 'ENAMETOOLONG')) {
    return {
      kind: 'build',
      code: 'UNSUPPORTED',
      message: `Cannot keep a file whose path is too long for this system: ${shortened(error.message)}`,
      hint: 'A name may have 255 bytes, and a path 4095, of which the place of the store takes a part.',
    }
  }
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
    return {
      kind: 'build',
      code: 'DISK_FULL',
      message: `Cannot write to the store: ${error.message}`,
      hint: diskFullHint,
    }
  }
  if (error instanceof Error) return { kind: 'bug', message: error.message, stack: error.stack }
  return { kind: 'bug', message: String(error), stack: undefined }
}

export function receiveError(sent: SentError): Error {
  if (sent.kind === 'build') return new BuildError(sent.code, sent.message, { hint: sent.hint })
  const error = new Error(sent.message)
  if (sent.stack !== undefined) error.stack = sent.stack
  return error
}

function hasCode(error: unknown, ...codes: readonly string[]): error is Error {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 150)}…${text.slice(-150)}` : text
}
