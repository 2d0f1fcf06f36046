/** A pattern of Go's `path/filepath.Match`, read. */
export type PatternToken =
  | { readonly kind: 'literal'; readonly text: string; readonly escaped: boolean }
  /** `*`, one or several in a row. */
  | { readonly kind: 'stars'; readonly count: number }
  /** `?`. */
  | { readonly kind: 'any' }
  /** `[a-z]`, as the source of a regular expression. */
  | { readonly kind: 'class'; readonly source: string }

/** Reads a pattern. `undefined`: it is malformed, by a class that is not closed, or a `\` at its end.
 *  @see https://pkg.go.dev/path/filepath#Match */
export function findPatternTokens(pattern: string): readonly PatternToken[] | undefined {
  const tokens: PatternToken[] = []
  const characters = Array.from(pattern)
  let at = 0
  while (at < characters.length) {
    const character = characters[at++] ?? ''
    if (character === '*') {
      let count = 1
      while (characters[at] === '*') {
        count++
        at++
      }
      tokens.push({ kind: 'stars', count })
    } else if (character === '?') tokens.push({ kind: 'any' })
    else if (character === '[') {
      const found = readClass(characters, at)
      if (found === undefined) return undefined
      tokens.push({ kind: 'class', source: found.source })
      at = found.end
    } else if (character === '\\') {
      const escaped = characters[at++]
      if (escaped === undefined) return undefined
      tokens.push({ kind: 'literal', text: escaped, escaped: true })
    } else tokens.push({ kind: 'literal', text: character, escaped: false })
  }
  return tokens
}

/** More wildcards than this make a regular expression try too many ways: an automaton reads each character once. */
const mostStars = 2

export function hasManyStars(tokens: readonly PatternToken[]): boolean {
  return tokens.filter(({ kind }) => kind === 'stars').length > mostStars
}

/** One character that the token, which is no star, stands for. */
export function takesOne(token: Exclude<PatternToken, { readonly kind: 'stars' }>): (character: string) => boolean {
  switch (token.kind) {
    case 'literal':
      return (character) => character === token.text
    case 'any':
      return (character) => character !== '/'
    case 'class': {
      const expression = new RegExp(`^${token.source}$`, 'u')
      return (character) => expression.test(character)
    }
    default:
      return token satisfies never
  }
}

/** Text for a regular expression with the flag `u` that matches just this text. */
export function quoteLiteral(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/]/gu, '\\$&')
}

function readClass(characters: readonly string[], start: number): { source: string; end: number } | undefined {
  let at = start
  const negated = characters[at] === '^'
  if (negated) at++
  let ranges = ''
  do {
    const low = readBound(characters, at)
    if (low === undefined) return undefined
    at = low.end
    let high = low
    if (characters[at] === '-') {
      const found = readBound(characters, at + 1)
      if (found === undefined) return undefined
      high = found
      at = found.end
    }
    // A range that runs backwards has nothing in it.
    if (low.code <= high.code) ranges += `\\u{${low.code.toString(16)}}-\\u{${high.code.toString(16)}}`
  } while (characters[at] !== ']' && at < characters.length)
  return at < characters.length ? { source: `[${negated ? '^' : ''}${ranges}]`, end: at + 1 } : undefined
}

function readBound(characters: readonly string[], at: number): { code: number; end: number } | undefined {
  const character = characters[at]
  if (character === undefined || character === '-' || character === ']') return undefined
  const literal = character === '\\' ? characters[at + 1] : character
  const code = literal?.codePointAt(0)
  return code === undefined ? undefined : { code, end: at + (character === '\\' ? 2 : 1) }
}
