import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { PlacedText } from '../parser/placed-text.ts'
import { expandWord } from './expand-word.ts'
import '../../test/support/fixed-seed.ts'

// The rules of docs/dockerfile.md, S1 to S13, read once more and as plainly as can be: no places, no speed, patterns by trying.

type Environment = ReadonlyMap<string, string>

class Malformed extends Error {}

function expandPlainly(word: string, env: Environment): string {
  return readTo(word, 0, '', false, env).text
}

interface Read {
  readonly text: string
  readonly end: number
}

/** @param stop empty: the end of the word; @param raw escapes stay, for who reads a pattern */
function readTo(word: string, start: number, stop: string, raw: boolean, env: Environment): Read {
  let text = ''
  let at = start
  while (at < word.length) {
    const character = word.charAt(at)
    if (stop !== '' && character === stop) return { text, end: at + 1 }
    if (character === "'") {
      const close = word.indexOf("'", at + 1)
      if (close < 0) throw new Malformed()
      text += word.slice(at + 1, close)
      at = close + 1
    } else if (character === '"') {
      const inner = readQuoted(word, at + 1, raw, env)
      text += inner.text
      at = inner.end
    } else if (character === '$') {
      const variable = readVariable(word, at + 1, env)
      text += variable.text
      at = variable.end
    } else if (character === '\\') {
      text += (raw ? '\\' : '') + word.charAt(at + 1)
      at += 2
    } else {
      text += character
      at++
    }
  }
  if (stop !== '') throw new Malformed()
  return { text, end: at }
}

function readQuoted(word: string, start: number, raw: boolean, env: Environment): Read {
  let text = ''
  let at = start
  while (word.charAt(at) !== '"') {
    if (at >= word.length) throw new Malformed()
    if (word.charAt(at) === '$') {
      const variable = readVariable(word, at + 1, env)
      text += variable.text
      at = variable.end
    } else if (/^\\["$\\]/.test(word.slice(at))) {
      text += (raw ? '\\' : '') + word.charAt(at + 1)
      at += 2
    } else text += word.charAt(at++)
  }
  return { text, end: at + 1 }
}

function nameAt(word: string, at: number): string {
  return /^(?:\d+|[@*#?$!-]|[A-Za-z_]\w*)/.exec(word.slice(at))?.[0] ?? ''
}

function readVariable(word: string, start: number, env: Environment): Read {
  if (word.charAt(start) !== '{') {
    const name = nameAt(word, start)
    return { text: name === '' ? '$' : (env.get(name) ?? ''), end: start + name.length }
  }
  const name = nameAt(word, start + 1)
  const at = start + 1 + name.length
  const value = env.get(name)
  const [, colon = '', sign = ''] = /^(:?)([-+?}#%/]?)/.exec(word.slice(at)) ?? []
  const behind = at + colon.length + sign.length
  if (name === '' || sign === '' || (colon !== '' && !'-+?'.includes(sign))) throw new Malformed()
  if (sign === '}') return { text: value ?? '', end: behind }
  if ('-+?'.includes(sign)) {
    const { text, end } = readTo(word, behind, '}', false, env)
    const isSet = value !== undefined && (colon === '' || value !== '')
    if (sign === '?' && !isSet) throw new Malformed()
    if (sign === '+') return { text: isSet ? text : '', end }
    return { text: isSet ? value : text, end }
  }
  if (sign === '/') {
    const all = word.charAt(behind) === '/'
    const pattern = readTo(word, behind + (all ? 1 : 0), '/', true, env)
    const by = readTo(word, pattern.end, '}', true, env)
    return { text: replace(value ?? '', checked(pattern.text), by.text, all), end: by.end }
  }
  const { text, end } = readTo(word, behind, '}', true, env)
  const longest = text.startsWith(sign)
  return { text: trim(value ?? '', sign, checked(longest ? text.slice(1) : text), longest), end }
}

/** A backslash stands before `*`, `?`, `\`, `}` or `/`. */
function checked(pattern: string): string {
  if (!/^(?:[^\\]|\\[*?\\}/])*$/.test(pattern)) throw new Malformed()
  return pattern
}

function matches(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('*')) return [...lengths(text)].some((length) => matches(pattern.slice(1), text.slice(length)))
  if (text === '') return false
  if (pattern.startsWith('\\')) return pattern[1] === text[0] && matches(pattern.slice(2), text.slice(1))
  return (pattern.startsWith('?') || pattern[0] === text[0]) && matches(pattern.slice(1), text.slice(1))
}

function lengths(text: string): readonly number[] {
  return Array.from({ length: text.length + 1 }, (_, length) => length)
}

function trim(value: string, sign: string, pattern: string, longest: boolean): string {
  const ordered = longest ? lengths(value).toReversed() : lengths(value)
  const cut = ordered.find((length) =>
    matches(pattern, sign === '#' ? value.slice(0, length) : value.slice(value.length - length)),
  )
  if (cut === undefined) return value
  return sign === '#' ? value.slice(cut) : value.slice(0, value.length - cut)
}

function replace(value: string, pattern: string, by: string, all: boolean): string {
  let result = ''
  let at = 0
  let lastEnd = -1
  while (at <= value.length) {
    const rest = value.slice(at)
    const length = lengths(rest)
      .toReversed()
      .find((candidate) => matches(pattern, rest.slice(0, candidate)))
    if (length === undefined || (length === 0 && at === lastEnd)) result += value.charAt(at++)
    else {
      result += by
      lastEnd = at + length
      at = lastEnd
      if (!all) return result + value.slice(at)
      if (length === 0) result += value.charAt(at++)
    }
  }
  return result
}

const fragment = fc.oneof(
  fc.constantFrom('$', '{', '}', '"', "'", '\\', ':', '-', '+', '?', '#', '%', '/', '*', ' ', 'a', 'b', '1', '_', '='),
  fc.constantFrom(
    '$a',
    '${a}',
    '${b',
    '${a:-',
    '${e-',
    '${a:+',
    '${u:-',
    '${a#',
    '${a##',
    '${a%',
    '${a%%',
    '${a/',
    '${a//',
  ),
  fc.constantFrom('}', '*}', '/}', '"$a"', "'$a'", '\\$', '\\*', '\\"', '${u:?', '${a?}', '$1', '$@'),
)
const word = fc.array(fragment, { maxLength: 9 }).map((fragments) => fragments.join(''))
const value = fc.stringMatching(/^[ab/*#x ]{0,6}$/)
const environment = fc
  .record({ a: value, b: value })
  .map(({ a, b }) => new Map([...Object.entries({ a, b }), ['e', '']]) as Environment)

function outcome(work: () => string): string | Malformed {
  try {
    return work()
  } catch (error) {
    if (error instanceof Malformed || (error instanceof BuildError && error.code === 'VARIABLE_INVALID')) {
      return new Malformed()
    }
    throw error
  }
}

test('expandWord() reads words, whole and broken, as a second reading of the rules does', () => {
  const range = { file: 'Dockerfile', start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }
  fc.assert(
    fc.property(word, environment, (text, env) => {
      const ours = outcome(() => expandWord(PlacedText.at(range, text), env, { escape: '\\' }).text)
      expect(ours).toEqual(outcome(() => expandPlainly(text, env)))
    }),
    { numRuns: 20_000 },
  )
})
