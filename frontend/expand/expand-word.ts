import { BuildError } from '../../core/errors.ts'
import type { EscapeCharacter } from '../parser/directives.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import { isSpace } from '../parser/white-space.ts'
import { findPattern, replaceMatches, trimEnd, trimStart, type Pattern } from './pattern.ts'

/** What variables mean at one place; a set one may be empty. */
export interface Scope {
  get(name: string): string | undefined
}

export interface ExpandOptions {
  readonly escape: EscapeCharacter
  /** `remove`: they group, and go, as in most places. `keep`: they group, and stay, as in what progress shows. `ordinary`:
   *  they are characters like others, as in the body of a heredoc. */
  readonly quotes?: 'remove' | 'keep' | 'ordinary'
  /** What becomes of a variable that is not set. */
  readonly unset?: 'empty' | 'keep'
}

export interface Expansion {
  readonly text: string
  /** The text, cut at white space that neither quotes nor an escape protected. */
  readonly words: readonly string[]
  /** Names that were looked up and found, and not found. */
  readonly used: ReadonlySet<string>
  readonly unset: ReadonlySet<string>
}

/** Expands variables, and takes quotes and escapes away, in one word of a Dockerfile.
 *  @throws {BuildError} `VARIABLE_INVALID` at the substitution that means nothing or, as `${name:?message}` asks, fails
 *  @see https://docs.docker.com/reference/dockerfile/#environment-replacement */
export function expandWord(word: PlacedText, scope: Scope, options: ExpandOptions): Expansion {
  return new WordReader(word, scope, options).read()
}

/** Part of a result; white space in a loose one separates words. */
interface Segment {
  readonly text: string
  readonly loose: boolean
}

/** Nobody needs more; without a bound, a hostile word would use up the stack. */
const deepest = 200

/** What variables may bring into one word, in characters: without a bound, doubling a few times fills the memory. */
const mostBrought = 1024 * 1024

const plainPattern = /[^$'"\\`}/]+/y
const namePattern = /\p{Nd}+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy

class WordReader {
  readonly #word: PlacedText
  readonly #text: string
  readonly #scope: Scope
  readonly #options: Required<ExpandOptions>
  readonly #used = new Set<string>()
  readonly #unset = new Set<string>()
  #at = 0
  #depth = 0
  #brought = 0

  constructor(word: PlacedText, scope: Scope, { escape, quotes = 'remove', unset = 'empty' }: ExpandOptions) {
    this.#word = word
    this.#text = word.text
    this.#scope = scope
    this.#options = { escape, quotes, unset }
  }

  read(): Expansion {
    const segments = this.#readUntil(undefined, 'drop') ?? []
    return { text: joined(segments), words: splitSegments(segments), used: this.#used, unset: this.#unset }
  }

  /** Reads up to `stop`, and over it. `undefined`: there is none. */
  #readUntil(stop: string | undefined, escapes: 'drop' | 'keep'): readonly Segment[] | undefined {
    const segments: Segment[] = []
    const { escape, quotes } = this.#options
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at)
      if (character === stop) {
        this.#at++
        return segments
      }
      if (character === '$') segments.push({ text: this.#readVariable(), loose: true })
      else if (quotes !== 'ordinary' && character === "'") segments.push(this.#readSingleQuotes())
      else if (quotes !== 'ordinary' && character === '"') segments.push(this.#readDoubleQuotes(escapes))
      else if (character === escape) {
        const escaped = this.#text.slice(this.#at + 1, this.#at + 2)
        segments.push({ text: escapes === 'keep' ? character + escaped : escaped, loose: false })
        this.#at += 2
      } else segments.push({ text: this.#readPlain(), loose: true })
    }
    return stop === undefined ? segments : undefined
  }

  /** At least one character, up to the next that may mean something. */
  #readPlain(): string {
    plainPattern.lastIndex = this.#at + 1
    const start = this.#at
    this.#at += 1 + (plainPattern.exec(this.#text)?.[0].length ?? 0)
    return this.#text.slice(start, this.#at)
  }

  #readSingleQuotes(): Segment {
    const start = this.#at
    const close = this.#text.indexOf("'", start + 1)
    if (close < 0) throw this.#failure(start, this.#text.length, 'A single quote is not closed')
    this.#at = close + 1
    return { text: this.#quoted(this.#text.slice(start + 1, close), "'"), loose: false }
  }

  #readDoubleQuotes(escapes: 'drop' | 'keep'): Segment {
    const start = this.#at++
    let text = ''
    for (;;) {
      const character = this.#text.charAt(this.#at)
      const next = this.#text.charAt(this.#at + 1)
      if (character === '') throw this.#failure(start, this.#text.length, 'A double quote is not closed')
      if (character === '"') break
      if (character === '$') text += this.#readVariable()
      else if (character === this.#options.escape && (next === '"' || next === '$' || next === character)) {
        text += escapes === 'keep' ? character + next : next
        this.#at += 2
      } else {
        text += character
        this.#at++
      }
    }
    this.#at++
    return { text: this.#quoted(text, '"'), loose: false }
  }

  #quoted(text: string, quote: string): string {
    return this.#options.quotes === 'keep' ? quote + text + quote : text
  }

  /** `$name`, `${name}` or `${name<operator>…}`; a `$` before anything else stays. */
  #readVariable(): string {
    const start = this.#at++
    if (this.#text.charAt(this.#at) !== '{') {
      const name = this.#readName()
      return name === '' ? '$' : (this.#bring(start, this.#look(name)) ?? this.#missing(`$${name}`))
    }
    this.#at++
    const name = this.#readName()
    if (name === '') {
      throw this.#failure(start, this.#at + 1, 'Bad substitution', 'Write ${name}; a $ alone is written \\$.')
    }
    const operatorAt = this.#at
    const operator = this.#text.charAt(this.#at++)
    switch (operator) {
      case '}':
        return this.#bring(start, this.#look(name)) ?? this.#missing(`\${${name}}`)
      case ':':
      case '-':
      case '+':
      case '?':
        return this.#readDefault(start, name, operatorAt)
      case '#':
      case '%':
        return this.#readTrim(start, name, operator)
      case '/':
        return this.#readReplacement(start, name)
      case '':
        throw this.#failure(start, this.#text.length, "Bad substitution: missing '}'")
      default:
        throw this.#unsupported(start, operator)
    }
  }

  #readName(): string {
    namePattern.lastIndex = this.#at
    const name = namePattern.exec(this.#text)?.[0] ?? ''
    this.#at += name.length
    return name
  }

  /** `${name:-word}`, `${name-word}` and so with `+` and `?`. With a colon, empty is like unset. */
  #readDefault(start: number, name: string, operatorAt: number): string {
    const colon = this.#text.charAt(operatorAt) === ':'
    const operator = colon ? this.#text.charAt(this.#at++) : this.#text.charAt(operatorAt)
    if (operator === '') throw this.#failure(start, this.#text.length, "Bad substitution: missing '}'")
    if (!/[-+?]/.test(operator)) throw this.#unsupported(start, `:${operator}`)
    const word = this.#readOperand(start, '}', 'drop')
    const value = this.#look(name)
    if (value === undefined && this.#options.unset === 'keep') return `\${${name}${colon ? ':' : ''}${operator}${word}}`
    const isSet = value !== undefined && !(colon && value === '')
    if (operator === '+') return isSet ? word : ''
    if (isSet) return this.#bring(start, value)
    if (operator === '-') return word
    const message = word === '' ? `is not allowed to be ${value === undefined ? 'unset' : 'empty'}` : word
    throw this.#failure(start, this.#at, `${name}: ${message}`, `Give it a value with --build-arg ${name}=….`)
  }

  /** `${name#pattern}`, `##`, `%`, `%%`. */
  #readTrim(start: number, name: string, operator: '#' | '%'): string {
    const operand = this.#readOperand(start, '}', 'keep')
    const value = this.#look(name)
    if (value === undefined && this.#options.unset === 'keep') return `\${${name}${operator}${operand}}`
    const greedy = operand.startsWith(operator)
    const pattern = this.#pattern(start, greedy ? operand.slice(1) : operand)
    const trim = operator === '#' ? trimStart : trimEnd
    return this.#bring(start, trim(value ?? '', pattern, greedy ? 'longest' : 'shortest'))
  }

  /** `${name/pattern/replacement}`, `${name//pattern/replacement}`. */
  #readReplacement(start: number, name: string): string {
    const all = this.#text.charAt(this.#at) === '/'
    if (all) this.#at++
    const operand = this.#readOperand(start, '/', 'keep')
    const replacement = this.#readOperand(start, '}', 'keep')
    const value = this.#look(name)
    if (value === undefined && this.#options.unset === 'keep') {
      return `\${${name}/${all ? '/' : ''}${operand}/${replacement}}`
    }
    const pattern = this.#pattern(start, operand)
    const replaced = replaceMatches(value ?? '', pattern, replacement, all ? 'all' : 'first', mostBrought)
    if (replaced === undefined) throw this.#tooMuch(start)
    return this.#bring(start, replaced)
  }

  #readOperand(start: number, stop: '}' | '/', escapes: 'drop' | 'keep'): string {
    if (++this.#depth > deepest) {
      throw this.#failure(start, start + 2, `Substitutions are nested more than ${deepest} deep`)
    }
    const segments = this.#readUntil(stop, escapes)
    this.#depth--
    if (segments === undefined) {
      const hint = stop === '/' ? 'Write ${name/pattern/replacement}.' : 'Quote a word that has blanks in it.'
      throw this.#failure(start, this.#text.length, `Bad substitution: missing '${stop}'`, hint)
    }
    return joined(segments)
  }

  #pattern(start: number, text: string): Pattern {
    const pattern = findPattern(text)
    if (pattern !== undefined) return pattern
    throw this.#failure(start, this.#at, `Invalid pattern ${JSON.stringify(text)} in substitution`)
  }

  #look(name: string): string | undefined {
    const value = this.#scope.get(name)
    const names = value === undefined ? this.#unset : this.#used
    names.add(name)
    return value
  }

  /** Counts what a variable brings. */
  #bring<T extends string | undefined>(start: number, text: T): T {
    this.#brought += text?.length ?? 0
    if (this.#brought > mostBrought) throw this.#tooMuch(start)
    return text
  }

  #tooMuch(start: number): BuildError {
    return this.#failure(start, this.#at, `Variables bring more than ${mostBrought} characters into one word`)
  }

  #missing(written: string): string {
    return this.#options.unset === 'keep' ? written : ''
  }

  #unsupported(start: number, modifier: string): BuildError {
    return this.#failure(
      start,
      this.#at,
      `Unsupported modifier (${modifier.replace('\n', '\\n')}) in substitution`,
      'The operators are :- - :+ + :? ? # ## % %% / and //.',
    )
  }

  #failure(start: number, end: number, message: string, hint?: string): BuildError {
    const source = this.#word.rangeOf(start, Math.min(end, this.#text.length))
    return new BuildError('VARIABLE_INVALID', message, { source, hint })
  }
}

function joined(segments: readonly Segment[]): string {
  return segments.map(({ text }) => text).join('')
}

function splitSegments(segments: readonly Segment[]): readonly string[] {
  const words: string[] = []
  let word = ''
  const endWord = () => {
    if (word !== '') words.push(word)
    word = ''
  }
  for (const { text, loose } of segments) {
    if (!loose) word += text
    else {
      for (const character of text) {
        if (isSpace(character)) endWord()
        else word += character
      }
    }
  }
  endWord()
  return words
}
