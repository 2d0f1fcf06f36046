import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { BlockMemory } from './block-memory.ts'
import { compressBlocks } from './compress-blocks.ts'
import { cutBlocks } from './cut-blocks.ts'
import { GzipFormat } from './gzip-format.ts'
import '../../test/support/fixed-seed.ts'

async function gzip(chunks: Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const format = new GzipFormat(6)
  using memory = new BlockMemory(format, undefined)
  for await (const part of compressBlocks(cutBlocks(chunks, format.meanBlockBytes), format, memory)) parts.push(part)
  return Buffer.concat(parts)
}

/** Text that repeats itself over more than a block's length, and bytes that cannot be made smaller. */
function sample(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let at = 0, number = 0; at < sizeBytes; number++) {
    const hash = createHash('sha256').update(String(number)).digest()
    const part = number % 3 === 0 ? hash : Buffer.from(`line ${number % 1000} of a text that goes on\n`)
    at += part.copy(bytes, at)
  }
  return bytes
}

const mebi = 1024 * 1024

test.each([0, 1, 511, mebi - 1, mebi, mebi + 1, 3 * mebi, 5 * mebi + 12345])(
  '%i bytes come out of gzip as they went in',
  async (sizeBytes) => {
    const bytes = sample(sizeBytes)
    const compressed = await gzip([bytes.subarray(0, 1000), bytes.subarray(1000)])
    const out = execFileSync('gzip', ['-dc'], { input: compressed, maxBuffer: 2 * sizeBytes + 1024 })
    expect(out.equals(bytes)).toBe(true)
  },
)

test('any chunks of any bytes come out as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 20 }), async (chunks) => {
      expect(gunzipSync(await gzip(chunks))).toEqual(Buffer.concat(chunks))
    }),
    { numRuns: 50 },
  )
})

test('the result is the same every time, though threads share the work', async () => {
  const chunks = Array.from({ length: 40 }, (_, index) => sample(256 * 1024).subarray(index))
  const results = await Promise.all([gzip(chunks), gzip(chunks), gzip(chunks)])
  expect(new Set(results.map((bytes) => bytes.toString('base64'))).size).toBe(1)
})

test('cutting it in blocks costs next to nothing', async () => {
  const bytes = sample(8 * mebi)
  const whole = execFileSync('gzip', ['-6n'], { input: bytes, maxBuffer: 16 * mebi })
  expect((await gzip([bytes])).length).toBeLessThan(whole.length * 1.01)
})

test('bytes that cannot be made smaller are stored', async () => {
  const bytes = Buffer.concat(
    Array.from({ length: (2 * mebi) / 32 }, (_, index) => createHash('sha256').update(String(index)).digest()),
  )
  const compressed = await gzip([bytes.subarray(0, mebi), bytes.subarray(mebi)])
  expect(compressed.length).toBeGreaterThan(bytes.length)
  expect(compressed.length).toBeLessThan(bytes.length * 1.001)
})
