import { cleanPatterns } from './clean-patterns.ts'

/** The patterns of a `.dockerignore`, cleaned, in order. A `#` in the first column makes a comment.
 *  @throws {BuildError} `IGNORE_PATTERN_INVALID`
 *  @see https://docs.docker.com/build/concepts/context/#syntax */
export function readIgnoreFile(text: string, file: string): readonly string[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  return cleanPatterns(
    lines.flatMap((line, index) => {
      if (line.startsWith('#')) return []
      const start = { line: index + 1, column: 1 }
      return [{ text: line, range: { file, start, end: { line: index + 1, column: line.length + 1 } } }]
    }),
  )
}
