import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { PlacedText } from '../parser/placed-text.ts'
import { expandWord, type ExpandOptions } from './expand-word.ts'
import '../../test/support/fixed-seed.ts'

const scope = new Map([
  ['a', 'one'],
  ['b', 'two words'],
  ['e', ''],
])

function expand(text: string, options: Partial<ExpandOptions> = {}) {
  const word = new PlacedText(text, (start, end) => ({
    file: 'f',
    start: { line: 1, column: start + 1 },
    end: { line: 1, column: end + 1 },
  }))
  return expandWord(word, scope, { escape: '\\', ...options })
}

test.each([
  ['${a/n/\\}}', 'o\\}e'],
  ['${a//n/}', 'oe'],
  ['${b// /_}', 'two_words'],
  ['${a/*/x}', 'x'],
  ['${a//*/x}', 'x'],
  ['$a$a', 'oneone'],
  ['${a}x', 'onex'],
  ['$ax', ''],
  ['é$aé', 'é'],
  ['a\\ b', 'a b'],
  ['\'a\'"b"c', 'abc'],
  ['"${e:-"$b"}"', 'two words'],
  ['$12x', 'x'],
  ['a\\', 'a'],
])('%s becomes %j', (text, expected) => {
  expect(expand(text).text).toBe(expected)
})

test('words are cut after expansion, where nothing protects the blank', () => {
  expect(expand('$b x').words).toEqual(['two', 'words', 'x'])
  expect(expand('"$b" x\\ y').words).toEqual(['two words', 'x y'])
})

test('quotes can be kept, or be characters like others', () => {
  expect(expand('"$a" \'$a\'', { quotes: 'keep' }).text).toBe('"one" \'$a\'')
  expect(expand('it\'s "$a"', { quotes: 'ordinary' }).text).toBe('it\'s "one"')
})

test('unset variables can be kept as they are written', () => {
  const text = '$u ${u} ${u:-x} ${u#p} ${u/p/r} ${u//p/r} $a'
  expect(expand(text, { unset: 'keep' }).text).toBe('$u ${u} ${u:-x} ${u#p} ${u/p/r} ${u//p/r} one')
})

test('the names that were looked up are told', () => {
  const { used, unset } = expand('$a ${u:-$b} ${e:+$v}')
  expect([...used]).toEqual(['a', 'b', 'e'])
  expect([...unset]).toEqual(['u', 'v'])
})

test('with the backtick for escape, a backslash means nothing', () => {
  expect(expand('`$a\\$a', { escape: '`' }).text).toBe('$a\\one')
})

test('a failure is placed at its substitution', () => {
  try {
    expand('ab${a^}cd')
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(BuildError)
    expect(error).toMatchObject({ code: 'VARIABLE_INVALID', source: { start: { column: 3 }, end: { column: 7 } } })
  }
})

/** A word as a tree, to be written down and worked out independently. */
type Tree =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'single'; readonly text: string }
  | { readonly kind: 'double'; readonly parts: readonly Tree[] }
  | { readonly kind: 'variable'; readonly name: string; readonly braces: boolean }
  | { readonly kind: 'default'; readonly name: string; readonly operator: string; readonly word: readonly Tree[] }
  | { readonly kind: 'trim'; readonly name: string; readonly operator: string; readonly pattern: string }
  | {
      readonly kind: 'replace'
      readonly name: string
      readonly all: boolean
      readonly pattern: string
      readonly by: string
    }

const names = fc.constantFrom('a', 'b', 'e', 'unset')
const plainText = fc.stringMatching(/^[a-z0-9 :;,=-]{0,6}$/)
const patternText = fc.stringMatching(/^[a-z *?]{0,4}$/)
const { words } = fc.letrec<{ words: readonly Tree[]; tree: Tree }>((tie) => ({
  words: fc.array(tie('tree'), { maxLength: 4 }),
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('plain' as const), text: plainText }),
    fc.record({ kind: fc.constant('single' as const), text: fc.stringMatching(/^[a-z$"\\{} ]{0,6}$/) }),
    fc.record({ kind: fc.constant('variable' as const), name: names, braces: fc.constant(true) }),
    fc.record({
      kind: fc.constant('trim' as const),
      name: names,
      operator: fc.constantFrom('#', '##', '%', '%%'),
      pattern: patternText,
    }),
    fc.record({
      kind: fc.constant('replace' as const),
      name: names,
      all: fc.boolean(),
      pattern: fc.stringMatching(/^[a-z?]{1,2}$/),
      by: fc.stringMatching(/^[a-z ]{0,3}$/),
    }),
    fc.record({
      kind: fc.constant('default' as const),
      name: names,
      operator: fc.constantFrom(':-', '-', ':+', '+'),
      word: tie('words'),
    }),
    fc.record({ kind: fc.constant('double' as const), parts: tie('words').map(withoutQuotes) }),
  ),
}))

/** Within double quotes, quotes mean something else. */
function withoutQuotes(trees: readonly Tree[]): readonly Tree[] {
  return trees.flatMap((tree): Tree[] => {
    if (tree.kind === 'single' || tree.kind === 'double') return []
    return [tree]
  })
}

function write(trees: readonly Tree[]): string {
  return trees
    .map((tree) => {
      switch (tree.kind) {
        case 'plain':
          return tree.text
        case 'single':
          return `'${tree.text}'`
        case 'double':
          return `"${write(tree.parts)}"`
        case 'variable':
          return `\${${tree.name}}`
        case 'default':
          return `\${${tree.name}${tree.operator}${write(tree.word)}}`
        case 'trim':
          return `\${${tree.name}${tree.operator}${tree.pattern}}`
        case 'replace':
          return `\${${tree.name}/${tree.all ? '/' : ''}${tree.pattern}/${tree.by}}`
        default:
          return tree satisfies never
      }
    })
    .join('')
}

function workOut(trees: readonly Tree[]): string {
  return trees
    .map((tree) => {
      if (tree.kind === 'plain' || tree.kind === 'single') return tree.text
      if (tree.kind === 'double') return workOut(tree.parts)
      const value = scope.get(tree.name)
      switch (tree.kind) {
        case 'variable':
          return value ?? ''
        case 'default': {
          const isSet = tree.operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
          const word = workOut(tree.word)
          return tree.operator.endsWith('+') ? (isSet ? word : '') : isSet ? (value ?? '') : word
        }
        case 'trim':
          return trimByTrying(value ?? '', tree.operator, tree.pattern)
        case 'replace':
          return replaceByTrying(value ?? '', tree.pattern, tree.by, tree.all)
        default:
          return tree satisfies never
      }
    })
    .join('')
}

function trimByTrying(value: string, operator: string, written: string): string {
  // `${a#` with a pattern that begins with `#` would be another operator; patterns here have none.
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length)
  const ordered = operator.length === 2 ? lengths.reverse() : lengths
  for (const length of ordered) {
    if (operator.startsWith('#') && matches(written, value.slice(0, length))) return value.slice(length)
    if (operator.startsWith('%') && matches(written, value.slice(value.length - length))) {
      return value.slice(0, value.length - length)
    }
  }
  return value
}

/** Patterns of one fixed length, so that only the place is to be found. */
function replaceByTrying(value: string, pattern: string, by: string, all: boolean): string {
  let result = ''
  let rest = value
  while (rest !== '') {
    const found = rest.length >= pattern.length && matches(pattern, rest.slice(0, pattern.length))
    if (!found) {
      result += rest.slice(0, 1)
      rest = rest.slice(1)
      continue
    }
    result += by
    rest = rest.slice(pattern.length)
    if (!all) break
  }
  return result + rest
}

function matches(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('*')) {
    return matches(pattern.slice(1), text) || (text !== '' && matches(pattern, text.slice(1)))
  }
  return text !== '' && (pattern.startsWith('?') || pattern[0] === text[0]) && matches(pattern.slice(1), text.slice(1))
}

describe('against a second implementation', () => {
  test('expandWord() gives what the tree works out to', () => {
    fc.assert(
      fc.property(words, (trees) => {
        expect(expand(write(trees)).text).toBe(workOut(trees))
      }),
      { numRuns: 2000 },
    )
  })

  test('expandWord() throws nothing but a placed BuildError', () => {
    const text = fc.array(fc.constantFrom('$', '{', '}', 'a', ':', '-', '#', '%', '/', '"', "'", '\\', '*', ' ', '?'))
    fc.assert(
      fc.property(text, fc.constantFrom('remove', 'keep', 'ordinary'), (parts, quotes) => {
        const word = parts.join('')
        try {
          expand(word, { quotes })
        } catch (error) {
          expect(error).toBeInstanceOf(BuildError)
          const { source } = error as BuildError
          expect(source?.start.column).toBeLessThanOrEqual(word.length)
          expect(source?.end.column).toBeLessThanOrEqual(word.length + 1)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
