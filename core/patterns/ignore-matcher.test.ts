import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IgnoreMatcher } from './ignore-matcher.ts'
import '../../test/support/fixed-seed.ts'

test.each<[patterns: string[], ignored: string[], taken: string[]]>([
  [['foo'], ['foo', 'foo/a', 'foo/a/b'], ['a/foo', 'foobar', 'fo']],
  [['*'], ['a', 'a/b', '.x'], []],
  [['**'], ['a', 'a/b'], []],
  [['.'], [], ['a', 'a/b']],
  [['a/*'], ['a/b', 'a/b/c'], ['a', 'b']],
  [['a/**'], ['a/b', 'a/b/c'], ['a', 'b']],
  [['**/foo'], ['foo', 'a/foo', 'a/b/foo/c'], ['xfoo', 'a/xfoo']],
  [['**foo'], ['foo', 'xfoo', 'a/xfoo'], ['foox']],
  [['**/*.md'], ['a.md', 'x/y/a.md'], ['a.mdx']],
  [['a/**/z'], ['a/z', 'a/b/z', 'a/b/c/z/d'], ['a', 'a/b', 'z']],
  [['a/**/'], ['a/b'], ['a']],
  [
    ['a?c', '[x-z].txt'],
    ['abc', 'y.txt'],
    ['a/c', 'w.txt'],
  ],
  [['[^a].txt'], ['b.txt'], ['a.txt']],
  [
    ['\\*', '\\foo'],
    ['*', 'foo'],
    ['a', '\\foo'],
  ],
  [
    ['a', '!a/b/foo'],
    ['a', 'a/x', 'a/b', 'a/b/x'],
    ['a/b/foo', 'a/b/foo/below'],
  ],
  [['*.md', '!README.md', 'README.md'], ['README.md', 'x.md'], ['x.txt']],
  [['!a', 'a'], ['a'], ['b']],
  [['a.b'], ['a.b'], ['axb']],
  [
    ['**/x', '!a'],
    ['a/x', 'x'],
    ['a', 'a/y'],
  ],
])('%j', (patterns, ignored, taken) => {
  const matcher = new IgnoreMatcher(patterns)
  expect(ignored.filter((path) => !matcher.ignores(path))).toEqual([])
  expect(taken.filter((path) => matcher.ignores(path))).toEqual([])
})

describe('against a matcher that tries everything', () => {
  const part = fc.constantFrom('a', 'b', '*', '?', '[a]', '[^a]', 'ab')
  const name = fc.oneof(
    { weight: 4, arbitrary: fc.array(part, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('')) },
    { weight: 1, arbitrary: fc.constant('**') },
  )
  const pattern = fc
    .tuple(fc.boolean(), fc.array(name, { minLength: 1, maxLength: 3 }))
    .map(([reincludes, names]) => (reincludes ? '!' : '') + names.join('/').replace(/\*{3,}/g, '**'))
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'c'), { minLength: 1, maxLength: 4 })
    .map((names) => names.join('/'))

  test('ignores() decides the same', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), path, (patterns, file) => {
        fc.pre(patterns.every((line) => !/\*\*[^/]|[^/!]\*\*/.test(line)))
        expect(new IgnoreMatcher(patterns).ignores(file)).toBe(bruteForce(patterns, file))
      }),
      { numRuns: 2000 },
    )
  })

  test('mayReinclude() never denies what is taken below', () => {
    fc.assert(
      fc.property(pattern, pattern, path, (first, second, file) => {
        const matcher = new IgnoreMatcher([first.replace('!', ''), `!${second.replace('!', '')}`])
        const directory = file.slice(0, Math.max(file.lastIndexOf('/'), 0))
        const isTakenAfterAll = directory !== '' && matcher.ignores(directory) && !matcher.ignores(file)
        if (isTakenAfterAll) expect(matcher.mayReinclude(directory)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

/** Walks down to the file; at each step each line is asked, unless it could change nothing. */
function bruteForce(patterns: readonly string[], file: string): boolean {
  let held = patterns.map(() => false)
  let ignored = false
  const names = file.split('/')
  for (let depth = 1; depth <= names.length; depth++) {
    const path = names.slice(0, depth)
    ignored = false
    held = patterns.map((line, index) => {
      const reincludes = line.startsWith('!')
      const here = held[index] === true
      if (!here && reincludes !== ignored) return false
      const matches = here || matchNames(line.replace('!', '').split('/'), path)
      if (matches) ignored = !reincludes
      return matches
    })
  }
  return ignored
}

function matchNames(patterns: readonly string[], names: readonly string[]): boolean {
  const [first, ...rest] = patterns
  if (first === undefined) return names.length === 0
  if (first === '**') {
    // Last of all, it stands for anything below; the part before it ends with "/".
    if (rest.length === 0) return names.length > 0
    return Array.from({ length: names.length + 1 }, (_, skip) => skip).some((skip) =>
      matchNames(rest, names.slice(skip)),
    )
  }
  const [name, ...more] = names
  return name !== undefined && matchCharacters(first, name) && matchNames(rest, more)
}

function matchCharacters(pattern: string, name: string): boolean {
  if (pattern === '') return name === ''
  if (pattern.startsWith('*')) {
    return Array.from({ length: name.length + 1 }, (_, skip) => skip).some((skip) =>
      matchCharacters(pattern.slice(1), name.slice(skip)),
    )
  }
  if (name === '') return false
  if (pattern.startsWith('[^a]')) return !name.startsWith('a') && matchCharacters(pattern.slice(4), name.slice(1))
  if (pattern.startsWith('[a]')) return name.startsWith('a') && matchCharacters(pattern.slice(3), name.slice(1))
  return (pattern.startsWith('?') || pattern[0] === name[0]) && matchCharacters(pattern.slice(1), name.slice(1))
}
