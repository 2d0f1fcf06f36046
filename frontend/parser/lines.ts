import type { EscapeCharacter } from './directives.ts'
import { isSpace, leadingSpace } from './white-space.ts'

/** One line of the file. */
export interface Line {
  /** From 1. */
  readonly number: number
  /** With its line ending. */
  readonly raw: string
  /** Without it. */
  readonly text: string
}

/** @param text without a byte order mark */
export function splitLines(text: string): readonly Line[] {
  const raw = text.split('\n')
  const lines = raw.map((line, index) => (index < raw.length - 1 ? `${line}\n` : line))
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line, index) => ({ number: index + 1, raw: line, text: withoutEnding(line) }))
}

function withoutEnding(line: string): string {
  let end = line.length
  while (line.charAt(end - 1) === '\n' || line.charAt(end - 1) === '\r') end--
  return line.slice(0, end)
}

export function isComment(text: string): boolean {
  return text.charAt(leadingSpace(text)) === '#'
}

export function isBlank(text: string): boolean {
  return leadingSpace(text) === text.length
}

/** The line without its continuation: an escape character, not itself escaped, with at most blanks and tabs behind.
 *  `undefined`: the line is not continued. */
export function findContinued(text: string, escape: EscapeCharacter): string | undefined {
  let end = text.length
  while (end > 0 && (text.charAt(end - 1) === ' ' || text.charAt(end - 1) === '\t')) end--
  if (text.charAt(end - 1) !== escape || text.charAt(end - 2) === escape) return undefined
  return text.slice(0, end - 1)
}

/** Where the first word ends. */
export function endOfWord(text: string): number {
  let at = 0
  while (at < text.length && !isSpace(text.charAt(at))) at++
  return at
}
