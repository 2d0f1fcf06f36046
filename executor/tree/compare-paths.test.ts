import { expect, test } from 'vitest'
import { comparePaths } from './compare-paths.ts'

test('a directory comes before what it holds, and all of that before names that go on where its own ends', () => {
  const walked = ['a', 'a/b', 'a/b/c', 'a/b.c', 'a-b', 'a.b', 'ab', 'b', 'ü', '😀']
  expect([...walked].reverse().sort(comparePaths)).toEqual(walked)
  expect(comparePaths('a/b', 'a/b')).toBe(0)
})
