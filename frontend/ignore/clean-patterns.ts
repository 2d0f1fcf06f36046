import { BuildError } from '../../core/errors.ts'
import { cleanPath } from '../../core/patterns/clean-path.ts'
import { isPattern } from '../../core/patterns/go-match.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { trimSpace } from '../parser/white-space.ts'

export interface WrittenPattern {
  readonly text: string
  readonly range: SourceRange
}

/** The shortest equal patterns, relative to the root: `/foo/` is `foo`. Those with nothing in them are left out.
 *  @throws {BuildError} `IGNORE_PATTERN_INVALID` at the first that is malformed */
export function cleanPatterns(patterns: readonly WrittenPattern[]): readonly string[] {
  return patterns.flatMap(({ text, range }) => {
    const trimmed = trimSpace(text)
    if (trimmed === '') return []
    const reincludes = trimmed.startsWith('!')
    const written = reincludes ? trimSpace(trimmed.slice(1)) : trimmed
    if (written === '') {
      throw new BuildError('IGNORE_PATTERN_INVALID', 'Illegal exclusion pattern: "!"', {
        hint: 'Write what to take after all behind the "!".',
        source: range,
      })
    }
    const pattern = cleanPath(written).replace(/^\/(?=.)/, '')
    if (!isPattern(pattern)) {
      throw new BuildError('IGNORE_PATTERN_INVALID', `Syntax error in pattern ${JSON.stringify(pattern)}`, {
        hint: 'Close each "[" with "]", or write "\\[" for the character itself.',
        source: range,
      })
    }
    return [reincludes ? `!${pattern}` : pattern]
  })
}
