import { Automaton, type AutomatonStep } from './automaton.ts'
import { findPatternTokens, hasManyStars, quoteLiteral, takesOne, type PatternToken } from './pattern-tokens.ts'

/** Whether a pattern of Go's `path/filepath.Match` has the form of one. */
export function isPattern(pattern: string): boolean {
  return findPatternTokens(pattern) !== undefined
}

/** Whether there is anything in the pattern that may match more than one name. */
export function hasWildcards(pattern: string): boolean {
  return findPatternTokens(pattern)?.some(({ kind }) => kind !== 'literal') ?? false
}

/** The text that a pattern without wildcards matches: escapes taken away. */
export function literalPath(pattern: string): string {
  const tokens = findPatternTokens(pattern) ?? []
  return tokens.map((token) => (token.kind === 'literal' ? token.text : '')).join('')
}

/** Makes the test for one pattern: `*` and `?` do not match `/`, and all of the name has to match. A malformed pattern
 *  matches nothing.
 *  @see https://pkg.go.dev/path/filepath#Match */
export function goMatcher(pattern: string): (name: string) => boolean {
  const tokens = findPatternTokens(pattern)
  if (tokens === undefined) return () => false
  if (hasManyStars(tokens)) {
    const automaton = new Automaton(tokens.map(stepOf))
    return (name) => automaton.accepts(name)
  }
  const source = tokens.map((token) => {
    switch (token.kind) {
      case 'literal':
        return quoteLiteral(token.text)
      case 'stars':
        return '[^/]*'
      case 'any':
        return '[^/]'
      case 'class':
        return token.source
      default:
        return token satisfies never
    }
  })
  const expression = new RegExp(`^${source.join('')}$`, 'u')
  return (name) => expression.test(name)
}

function stepOf(token: PatternToken): AutomatonStep {
  if (token.kind === 'stars') return { kind: 'many', takes: (character) => character !== '/' }
  return { kind: 'one', takes: takesOne(token) }
}
