import type { WrittenIgnore } from '../../core/ops.ts'
import { trimSpace } from '../parser/white-space.ts'
import { cleanPatterns } from './clean-patterns.ts'

/** The patterns of an ignore file, cleaned, in order, and where they are written. */
export interface IgnorePatterns {
  readonly patterns: readonly string[]
  readonly written: WrittenIgnore
}

/** Reads a `.dockerignore`. A `#` in the first column makes a comment.
 *  @throws {BuildError} `IGNORE_PATTERN_INVALID`
 *  @see https://docs.docker.com/build/concepts/context/#syntax */
export function readIgnoreFile(text: string, file: string): IgnorePatterns {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const found = lines.flatMap((line, index) => {
    if (line.startsWith('#')) return []
    const number = index + 1
    const range = { file, start: { line: number, column: 1 }, end: { line: number, column: line.length + 1 } }
    return cleanPatterns([{ text: line, range }]).map((pattern) => ({ pattern, number, text: trimSpace(line) }))
  })
  return {
    patterns: found.map(({ pattern }) => pattern),
    written: { file, lines: found.map(({ number, text }) => ({ number, text })) },
  }
}
