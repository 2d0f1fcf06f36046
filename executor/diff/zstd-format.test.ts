import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import '../../test/support/fixed-seed.ts'
import { BlockMemory } from './block-memory.ts'
import { compressBlocks } from './compress-blocks.ts'
import { cutBlocks } from './cut-blocks.ts'
import { findZstdEngine, zstdPlaces } from './zstd-engine.ts'
import { ZstdFormat } from './zstd-format.ts'

/** Lines that are not quite alike. */
function sample(sizeBytes: number): Buffer {
  const lines = Array.from(
    { length: sizeBytes / 40 },
    (_, index) => `line ${index % 7919} of ${(index * 7) % 1013}, and so on\n`,
  )
  return Buffer.alloc(sizeBytes, lines.join(''))
}

function noise(sizeBytes: number): Buffer {
  return Buffer.concat(
    Array.from({ length: sizeBytes / 32 }, (_, index) => createHash('sha256').update(String(index)).digest()),
  )
}

/** What zstd(1) makes of it; it fails for what is not whole. */
function decompressed(compressed: Uint8Array): Buffer {
  return execFileSync('zstd', ['-dc'], { input: compressed, maxBuffer: 1 << 26 })
}

async function zstd(chunks: Iterable<Uint8Array>, level = 3): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const format = await ZstdFormat.open(level)
  using memory = new BlockMemory(format, undefined)
  for await (const part of compressBlocks(cutBlocks(chunks, format.meanBlockBytes), format, memory)) parts.push(part)
  return Buffer.concat(parts)
}

const mebi = 1024 * 1024

for (const [place, find] of Object.entries(zstdPlaces)) {
  const engine = await find()
  describe.skipIf(engine === undefined)(`zstd of the ${place}`, () => {
    test.each([0, 1, 1000, 3 * mebi + 1])('makes of %i bytes what zstd(1) reads', async (sizeBytes) => {
      const bytes = sample(sizeBytes)
      expect(decompressed(await engine!.compress(bytes, 3)).equals(bytes)).toBe(true)
    })

    test('makes smaller of it at a higher level, up to the highest', async () => {
      const bytes = sample(mebi)
      const sizes = await Promise.all([1, 22].map(async (level) => (await engine!.compress(bytes, level)).length))
      expect(sizes[1]).toBeLessThan(sizes[0]!)
      expect(decompressed(await engine!.compress(bytes, 22)).equals(bytes)).toBe(true)
    })

    test('makes the same again, though many are made at once', async () => {
      const bytes = sample(mebi)
      const frames = await Promise.all(Array.from({ length: 8 }, () => engine!.compress(bytes, 3)))
      expect(new Set(frames.map((frame) => Buffer.from(frame).toString('base64'))).size).toBe(1)
    })

    test('has a name that tells its version', () => {
      expect(engine?.name).toMatch(/\d+\.\d+/)
    })
  })
}

test('where there is no zstd, the error says what to install', async () => {
  await expect(findZstdEngine({ node: () => undefined })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    hint: expect.stringContaining('libzstd.so.1') as string,
  })
})

test.each([0, 1, 4 * mebi, 20 * mebi + 12345])('%i bytes come out of zstd(1) as they went in', async (sizeBytes) => {
  const bytes = sample(sizeBytes)
  expect(decompressed(await zstd([bytes.subarray(0, 1000), bytes.subarray(1000)])).equals(bytes)).toBe(true)
})

test('any chunks of any bytes come out as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 20 }), async (chunks) => {
      expect(decompressed(await zstd(chunks)).equals(Buffer.concat(chunks))).toBe(true)
    }),
    { numRuns: 20 },
  )
})

test('the result is the same every time, though threads share the work', async () => {
  const chunks = Array.from({ length: 40 }, (_, index) => sample(mebi).subarray(index))
  const results = await Promise.all([zstd(chunks), zstd(chunks), zstd(chunks)])
  expect(new Set(results.map((bytes) => bytes.toString('base64'))).size).toBe(1)
})

test('bytes that cannot be made smaller become no larger', async () => {
  const bytes = noise(8 * mebi)
  expect((await zstd([bytes], 19)).length).toBeLessThan(bytes.length * 1.001)
})
