import { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'

/** An instruction that cannot be meant as it is written. */
export function invalid(source: SourceRange, message: string, hint?: string): BuildError {
  return new BuildError('INSTRUCTION_INVALID', message, { source, hint })
}

/** The hint for a misspelt word, if there is any. */
export function didYouMean(suggestion: string | undefined): string | undefined {
  return suggestion === undefined ? undefined : `Did you mean ${suggestion}?`
}
