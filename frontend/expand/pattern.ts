/** A piece of a substitution's pattern: any text (`*`), any character (`?`), or this very character. No line break is
 *  matched by the first two. */
type PatternPart = 'any' | 'one' | { readonly literal: string }

export type Pattern = readonly PatternPart[]

/** Reads the pattern of `${name#pattern}` and its like: `*` and `?`, with `\` before what is meant literally. There are no
 *  character classes. `undefined`: a `\` stands before something else. */
export function findPattern(text: string): Pattern | undefined {
  const parts: PatternPart[] = []
  const characters = Array.from(text)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    if (character === '*') parts.push('any')
    else if (character === '?') parts.push('one')
    else if (character === '\\') {
      at++
      const next = characters[at]
      if (next === undefined || !/[*?\\}/]/.test(next)) return undefined
      parts.push({ literal: next })
    } else parts.push({ literal: character })
  }
  return parts
}

/** Without the shortest or longest beginning that matches. */
export function trimStart(value: string, pattern: Pattern, length: 'shortest' | 'longest'): string {
  const match = new RegExp(`^${sourceOf(pattern, length)}`, 'u').exec(value)
  return match === null ? value : value.slice(match[0].length)
}

/** Without the shortest or longest end that matches. */
export function trimEnd(value: string, pattern: Pattern, length: 'shortest' | 'longest'): string {
  return reverse(trimStart(reverse(value), pattern.toReversed(), length))
}

/** With the first match, or every match, replaced by the text as it is. */
export function replaceMatches(value: string, pattern: Pattern, replacement: string, which: 'first' | 'all'): string {
  const matcher = new RegExp(sourceOf(pattern, 'longest'), 'gu')
  let result = ''
  let end: number | undefined
  for (const { index, 0: match } of value.matchAll(matcher)) {
    // An empty match that touches the one before it is none, as in Go.
    if (match === '' && index === end) continue
    result += value.slice(end ?? 0, index) + replacement
    end = index + match.length
    if (which === 'first') break
  }
  return result + value.slice(end ?? 0)
}

function sourceOf(pattern: Pattern, length: 'shortest' | 'longest'): string {
  return pattern
    .map((part) => {
      if (part === 'any') return length === 'longest' ? '[^\\n]*' : '[^\\n]*?'
      if (part === 'one') return '[^\\n]'
      return part.literal.replace(/[\^$\\.*+?()[\]{}|/]/u, '\\$&')
    })
    .join('')
}

function reverse(text: string): string {
  return Array.from(text).reverse().join('')
}
