import type { BuildError, ErrorCode } from '../../core/errors.ts'

/** What a script can tell from the exit status. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Failures that stand for wrong usage when they come from an option, and not from a line of the Dockerfile. */
const usageCodes: ReadonlySet<ErrorCode> = new Set(['OPTION_INVALID', 'PLATFORM_INVALID', 'REFERENCE_INVALID'])

export function exitCodeOf({ code, source }: BuildError): number {
  if (code === 'CANCELED') return exitCodes.interrupted
  return usageCodes.has(code) && source === undefined ? exitCodes.usage : exitCodes.failed
}
