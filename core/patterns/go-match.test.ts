import { expect, test } from 'vitest'
import { goMatcher, hasWildcards, isPattern, literalPath } from './go-match.ts'

test.each([
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*', '', true],
  ['*', 'a/b', false],
  ['a*', 'a', true],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['a?b', 'a☺b', true],
  ['a?b', 'a/b', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[^b-d]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', 'z', false],
  ['[c-a]', 'b', false],
  ['[*?.]', '*', true],
  ['[*?.]', 'x', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'aXb', false],
  ['**', 'ab', true],
  ['a.b', 'axb', false],
  ['(a|b)+', '(a|b)+', true],
  ['', '', true],
])('pattern %j and name %j: %j', (pattern, name, expected) => {
  expect(isPattern(pattern)).toBe(true)
  expect(goMatcher(pattern)(name)).toBe(expected)
})

test.each(['[', '[a', '[]a]', '[-]', '[x-]', '[-x]', 'a[', '[^', '[^bc', 'a\\', '[a\\'])(
  '%j is malformed, and matches nothing',
  (pattern) => {
    expect(isPattern(pattern)).toBe(false)
    expect(goMatcher(pattern)('a')).toBe(false)
  },
)

test('hasWildcards() sees through escapes, and literalPath() takes them away', () => {
  expect(['a*', 'a?', '[a]'].map(hasWildcards)).toEqual([true, true, true])
  expect(['a', '\\*', 'a\\[b]'].map(hasWildcards)).toEqual([false, false, false])
  expect(literalPath('a\\*\\[b]')).toBe('a*[b]')
})
