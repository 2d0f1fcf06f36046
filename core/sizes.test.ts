import { expect, test } from 'vitest'
import { findSizeBytes } from './sizes.ts'

test.each([
  ['100', 100],
  ['1k', 1024],
  ['64M', 64 * 1024 ** 2],
  ['1.5GiB', 1.5 * 1024 ** 3],
  ['2 kb', 2048],
  ['3b', 3],
])('findSizeBytes() reads %s', (text, bytes) => {
  expect(findSizeBytes(text)).toBe(bytes)
})

test.each(['', 'm', '-1', '1x', '1  k', '1kk'])('findSizeBytes() refuses %j', (text) => {
  expect(findSizeBytes(text)).toBeUndefined()
})
