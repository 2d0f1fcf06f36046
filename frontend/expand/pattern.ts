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
  const characters = Array.from(value)
  const end = findEnd(characters, pattern, length)
  return end === undefined ? value : characters.slice(end).join('')
}

/** Without the shortest or longest end that matches. */
export function trimEnd(value: string, pattern: Pattern, length: 'shortest' | 'longest'): string {
  return reverse(trimStart(reverse(value), pattern.toReversed(), length))
}

/** With the first match, or every match, replaced by the text as it is. `undefined`: that would be longer than `longest`. */
export function replaceMatches(
  value: string,
  pattern: Pattern,
  replacement: string,
  which: 'first' | 'all',
  longest: number,
): string | undefined {
  const characters = Array.from(value)
  let result = ''
  let end = 0
  let from = 0
  for (
    let match = findMatch(characters, pattern, 0);
    match !== undefined;
    match = findMatch(characters, pattern, from)
  ) {
    const isEmpty = match.start === match.end
    // An empty match that touches the one before it is none, as in Go.
    if (!isEmpty || match.start !== end || from === 0) {
      result += characters.slice(end, match.start).join('') + replacement
      if (result.length > longest) return undefined
      end = match.end
      if (which === 'first') break
    }
    from = isEmpty ? match.end + 1 : match.end
    if (from > characters.length) break
  }
  return result + characters.slice(end).join('')
}

interface Match {
  readonly start: number
  readonly end: number
}

/** By position in the pattern: where the earliest match began that has come this far, or none. */
type Threads = readonly number[]

const none = Number.POSITIVE_INFINITY

/** The end of the shortest or longest beginning that matches. */
function findEnd(characters: readonly string[], pattern: Pattern, length: 'shortest' | 'longest'): number | undefined {
  let threads = settled([0, ...pattern.map(() => none)], pattern)
  let end: number | undefined
  for (let at = 0; ; at++) {
    if (threads[pattern.length] === 0) end = at
    const character = characters[at]
    if (character === undefined || (end !== undefined && length === 'shortest')) return end
    threads = settled(advanced(threads, pattern, character), pattern)
    if (threads.every((start) => start === none)) return end
  }
}

/** The match that begins first, as long as it can be. Each character is looked at once, whatever the pattern. */
function findMatch(characters: readonly string[], pattern: Pattern, from: number): Match | undefined {
  let threads: Threads = [none, ...pattern.map(() => none)]
  let best: Match | undefined
  for (let at = from; ; at++) {
    if (best === undefined && threads[0] === none) threads = [at, ...threads.slice(1)]
    threads = settled(threads, pattern)
    const start = threads[pattern.length] ?? none
    if (start <= (best?.start ?? none) && start !== none) best = { start, end: at }
    const latest = best?.start ?? none
    threads = threads.map((begun) => (begun > latest ? none : begun))
    const character = characters[at]
    if (character === undefined || (best !== undefined && threads.every((begun) => begun === none))) return best
    threads = advanced(threads, pattern, character)
  }
}

/** Behind what may stand for nothing. */
function settled(threads: Threads, pattern: Pattern): Threads {
  const reached = [...threads]
  for (const [index, part] of pattern.entries()) {
    if (part === 'any') reached[index + 1] = Math.min(reached[index] ?? none, reached[index + 1] ?? none)
  }
  return reached
}

function advanced(threads: Threads, pattern: Pattern, character: string): Threads {
  const next = threads.map(() => none)
  for (const [index, part] of pattern.entries()) {
    const begun = threads[index] ?? none
    if (begun === none || !takes(part, character)) continue
    const to = part === 'any' ? index : index + 1
    next[to] = Math.min(next[to] ?? none, begun)
  }
  return next
}

function takes(part: PatternPart, character: string): boolean {
  return typeof part === 'string' ? character !== '\n' : character === part.literal
}

function reverse(text: string): string {
  return Array.from(text).reverse().join('')
}
