import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { describeTree } from '../support/tree.ts'
import { generateFiles, Seeded } from './generate.ts'

test('files of the same seed are the same in every run, and those of another seed are not', () => {
  const [first, second, other] = [1, 1, 2].map((seed) => {
    const folder = temporaryFolder()
    generateFiles(folder, { seed, count: 50, totalBytes: 500_000 })
    return describeTree(folder)
  })
  expect(second).toEqual(first)
  expect(other).not.toEqual(first)
})

test('noise does not compress, and text compresses to less than a half', () => {
  const seeded = new Seeded(1)
  expect(gzipSync(seeded.noise(100_000)).length).toBeGreaterThan(100_000)
  const text = seeded.text(3_000_000)
  expect(text.length).toBe(3_000_000)
  expect(gzipSync(text).length).toBeLessThan(1_500_000)
})
