import { isSpace } from './white-space.ts'

export interface ShellWord {
  readonly text: string
  readonly start: number
}

/** Splits a line as a shell would, leaving quotes and escapes where they are. White space between `<<` and what follows
 *  belongs to the word. `undefined`: a quote or a brace is not closed. */
export function splitShellWords(line: string): readonly ShellWord[] | undefined {
  const words: ShellWord[] = []
  let start: number | undefined
  let at = 0
  const endWord = () => {
    if (start !== undefined) words.push({ text: line.slice(start, at), start })
    start = undefined
  }
  while (at < line.length) {
    const character = line.charAt(at)
    if (isSpace(character)) {
      endWord()
      at++
      continue
    }
    start ??= at
    const end = endOfUnit(line, at)
    if (end === undefined) return undefined
    at = end
  }
  endWord()
  return words
}

/** Nobody needs more; without a bound, a hostile line would use up the stack. */
const deepest = 200

/** Where the character, quoted string, `${…}` or `<<` that begins at `at` ends. `undefined`: it does not, or too deep
 *  within others. */
function endOfUnit(line: string, at: number, depth = 0): number | undefined {
  switch (line.charAt(at)) {
    case '\\':
      return Math.min(at + 2, line.length)
    case "'": {
      const close = line.indexOf("'", at + 1)
      return close < 0 ? undefined : close + 1
    }
    case '"':
      return endOfDoubleQuotes(line, at + 1, depth)
    case '$':
      return line.charAt(at + 1) === '{' ? endOfBraces(line, at + 2, depth) : at + 1
    case '<': {
      if (line.charAt(at + 1) !== '<') return at + 1
      let end = at + 2
      while (/[\t\r ]/.test(line.charAt(end))) end++
      return end
    }
    default:
      return at + 1
  }
}

function endOfDoubleQuotes(line: string, from: number, depth: number): number | undefined {
  let at: number | undefined = from
  while (at !== undefined && at < line.length) {
    const character = line.charAt(at)
    if (character === '"') return at + 1
    if (character === '\\') at += 2
    else if (character === '$' && line.charAt(at + 1) === '{') at = endOfBraces(line, at + 2, depth)
    else at++
  }
  return undefined
}

function endOfBraces(line: string, from: number, depth: number): number | undefined {
  if (depth >= deepest) return undefined
  let at: number | undefined = from
  while (at !== undefined && at < line.length) {
    if (line.charAt(at) === '}') return at + 1
    at = endOfUnit(line, at, depth + 1)
  }
  return undefined
}
