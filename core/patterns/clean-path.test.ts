import { posix } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cleanPath, rootedPath } from './clean-path.ts'
import '../../test/support/fixed-seed.ts'

test.each([
  ['', '.'],
  ['.', '.'],
  ['a/../..', '..'],
  ['/..', '/'],
  ['/../a//b/./c/..', '/a/b'],
  ['a/', 'a'],
  ['../../a', '../../a'],
])('cleanPath() makes %j into %j', (path, clean) => {
  expect(cleanPath(path)).toBe(clean)
})

test('cleanPath() does what normalising and dropping the last slash does', () => {
  const path = fc.array(fc.constantFrom('/', '.', '..', 'a', 'b'), { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(path, (text) => {
      const expected = posix.normalize(text).replace(/(.)\/$/, '$1')
      expect(cleanPath(text)).toBe(expected)
    }),
  )
})

test('rootedPath() never leaves the root', () => {
  expect(rootedPath('../../etc')).toBe('/etc')
  expect(rootedPath('')).toBe('/')
})
