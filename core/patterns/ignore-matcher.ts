import { Automaton, type AutomatonStep } from './automaton.ts'
import { goMatcher } from './go-match.ts'
import { findPatternTokens, hasManyStars, quoteLiteral, takesOne, type PatternToken } from './pattern-tokens.ts'

/** What is known of a path, for the paths below it. */
export interface IgnoreState {
  readonly ignored: boolean
  /** By pattern: it matches the path or a directory above. Empty at the root. */
  readonly matched: readonly boolean[]
}

/** Decides by the lines of an ignore file, cleaned, which paths are ignored. The last line that matches a path, or a
 *  directory above it, counts; `!` first turns its meaning round. Paths have no `/` at either end.
 *  @see https://docs.docker.com/build/concepts/context/#dockerignore-files */
export class IgnoreMatcher {
  /** Of the directory that the patterns are relative to. */
  readonly root: IgnoreState = { ignored: false, matched: [] }
  readonly #rules: readonly IgnoreRule[]

  constructor(patterns: readonly string[]) {
    this.#rules = patterns.map(readRule)
  }

  /** For a path on its own; a walk is faster with `enter()`. */
  ignores(path: string): boolean {
    let state = this.root
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      state = this.enter(state, path.slice(0, slash))
    }
    return this.ignoresIn(state, path)
  }

  /** The state of a path, given that of the directory it is in. */
  enter(parent: IgnoreState, path: string): IgnoreState {
    if (this.#rules.length === 0) return this.root
    const matched: boolean[] = []
    const ignored = this.#decide(parent, path, matched)
    return { ignored, matched }
  }

  /** Whether a path is ignored, given the state of the directory it is in: all there is to know of what has nothing below it. */
  ignoresIn(parent: IgnoreState, path: string): boolean {
    return this.#decide(parent, path)
  }

  /** Whether something below an ignored directory may be taken after all. `false` is certain. */
  mayReinclude(directory: string): boolean {
    const names = directory.split('/')
    return this.#rules.some(({ reincludes, segments }) => {
      if (!reincludes) return false
      for (const [index, segment] of segments.slice(0, names.length).entries()) {
        if (segment === 'deep') return true
        if (!segment(names[index] ?? '')) return false
      }
      return true
    })
  }

  #decide(parent: IgnoreState, path: string, matched?: boolean[]): boolean {
    let ignored = false
    for (let index = 0; index < this.#rules.length; index++) {
      const { reincludes, matches } = this.#rules[index] as IgnoreRule
      // A rule that would change nothing is not asked, and so does not count for what is below either.
      const counts = parent.matched[index] === true || (reincludes === ignored && matches(path))
      if (counts) ignored = !reincludes
      matched?.push(counts)
    }
    return ignored
  }
}

interface IgnoreRule {
  readonly reincludes: boolean
  readonly matches: (path: string) => boolean
  /** A test for each name of the pattern, as far as it has no `**`. */
  readonly segments: readonly (((name: string) => boolean) | 'deep')[]
}

function readRule(line: string): IgnoreRule {
  const reincludes = line.startsWith('!')
  const pattern = reincludes ? line.slice(1) : line
  const segments = pattern.split('/').map((name) => (name.includes('**') ? 'deep' : goMatcher(name)))
  return { reincludes, matches: pathMatcher(pattern), segments }
}

/** Like Go's `Match`, with `**` for any number of directories, and for anything at the end. */
function pathMatcher(pattern: string): (path: string) => boolean {
  const tokens = findPatternTokens(pattern)
  if (tokens === undefined) return () => false
  if (tokens.every(isPlain)) return (path) => path === pattern
  const parts = partsOf(tokens)
  if (hasManyStars(tokens)) {
    const automaton = new Automaton(parts.flatMap(stepsOf))
    return (path) => automaton.accepts(path)
  }
  const expression = new RegExp(`^${parts.map(sourceOf).join('')}$`, 'u')
  return (path) => expression.test(path)
}

/** A piece of a pattern whose stars have got their meaning. */
type PatternPart =
  | { readonly kind: 'token'; readonly token: Exclude<PatternToken, { readonly kind: 'stars' }> }
  /** Anything within a name. */
  | { readonly kind: 'within' }
  /** Any number of directories, each with its `/`. */
  | { readonly kind: 'directories' }
  | { readonly kind: 'anything' }

function partsOf(tokens: readonly PatternToken[]): readonly PatternPart[] {
  const parts: PatternPart[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]
    if (token === undefined) break
    if (token.kind !== 'stars') parts.push({ kind: 'token', token })
    else if (token.count === 1) parts.push({ kind: 'within' })
    else {
      const next = tokens[at + 1]
      const slash = next?.kind === 'literal' && next.text === '/'
      const rest = tokens.slice(at + (slash ? 2 : 1))
      // `**name` at the beginning, with nothing else special, is taken for "ends with".
      const anywhere = rest.length === 0 || (at === 0 && !slash && rest.every(isPlain))
      parts.push({ kind: anywhere ? 'anything' : 'directories' })
      if (slash) at++
    }
  }
  return parts
}

function sourceOf(part: PatternPart): string {
  switch (part.kind) {
    case 'within':
      return '[^/]*'
    case 'directories':
      return '(?:[^]*/)?'
    case 'anything':
      return '[^]*'
    case 'token':
      if (part.token.kind === 'literal') return quoteLiteral(part.token.text)
      return part.token.kind === 'class' ? part.token.source : '[^/]'
    default:
      return part satisfies never
  }
}

function stepsOf(part: PatternPart): readonly AutomatonStep[] {
  const takesAll = () => true
  switch (part.kind) {
    case 'within':
      return [{ kind: 'many', takes: (character) => character !== '/' }]
    case 'directories':
      return [
        { kind: 'maybe', count: 2 },
        { kind: 'many', takes: takesAll },
        { kind: 'one', takes: (character) => character === '/' },
      ]
    case 'anything':
      return [{ kind: 'many', takes: takesAll }]
    case 'token':
      return [{ kind: 'one', takes: takesOne(part.token) }]
    default:
      return part satisfies never
  }
}

function isPlain(token: PatternToken): boolean {
  return token.kind === 'literal' && !token.escaped
}
