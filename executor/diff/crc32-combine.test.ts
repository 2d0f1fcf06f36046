import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from 'node:zlib'
import '../../test/support/fixed-seed.ts'
import { combineCrc32 } from './crc32-combine.ts'

test('two checksums make that of both pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (first, second) => {
      const both = crc32(Buffer.concat([first, second]))
      expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(both)
    }),
  )
})

test('lengths beyond 4 GiB count', () => {
  const piece = Buffer.alloc(1024 * 1024, 7)
  let [doubled, bytes] = [crc32(piece), piece.length]
  for (; bytes < 2 ** 33; bytes *= 2) doubled = combineCrc32(doubled, doubled, bytes)
  // One after the other, as gzip would.
  let chained = 0
  for (let done = 0; done < bytes; done += piece.length) chained = crc32(piece, chained)
  expect(doubled).toBe(chained)
})
