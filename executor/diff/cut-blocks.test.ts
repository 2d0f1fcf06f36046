import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import '../../test/support/fixed-seed.ts'
import { cutBlocks } from './cut-blocks.ts'

const kibi = 1024
const meanBytes = 64 * kibi

/** The blocks, taken down one by one, since their memory is used again. */
async function blocksOf(bytes: Uint8Array, chunkBytes = 100_000): Promise<readonly Buffer[]> {
  const blocks: Buffer[] = []
  for await (const block of cutBlocks(chunksOf(bytes, chunkBytes), meanBytes)) {
    blocks.push(Buffer.from(block.bytes))
    block.bytes.fill(0xee)
    block.release()
  }
  return blocks
}

function* chunksOf(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** Files of all sizes up to 20 KB. */
function someFiles(count: number): readonly SampleEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const hash = createHash('sha256').update(String(index)).digest()
    return { path: `file${index}`, content: hash.toString('hex').repeat(1 + (hash.readUInt32LE() % 300)) }
  })
}

/** How many blocks of the second are none of the first. */
async function newBlocks(before: readonly SampleEntry[], after: readonly SampleEntry[]): Promise<number> {
  const known = new Set((await blocksOf(archiveOf(before))).map((block) => block.toString('latin1')))
  return (await blocksOf(archiveOf(after))).filter((block) => !known.has(block.toString('latin1'))).length
}

test('the blocks behind each other are the archive, and none is too large', async () => {
  const archive = archiveOf(someFiles(500))
  const blocks = await blocksOf(archive)
  expect(Buffer.concat(blocks).equals(archive)).toBe(true)
  expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThanOrEqual(2 * meanBytes)
  const mean = archive.length / blocks.length
  expect([mean > meanBytes / 2, mean < 2 * meanBytes]).toEqual([true, true])
})

test('what is no archive is cut as well', async () => {
  const bytes = Buffer.concat(
    Array.from({ length: 10_000 }, (_, index) => createHash('sha512').update(`${index}`).digest()),
  )
  const blocks = await blocksOf(bytes)
  expect(Buffer.concat(blocks).equals(bytes)).toBe(true)
  expect(blocks.length).toBeGreaterThanOrEqual(5)
})

test('nothing at all is one empty block', async () => {
  expect((await blocksOf(Buffer.alloc(0))).map(({ length }) => length)).toEqual([0])
})

test('how the bytes arrive makes no difference', async () => {
  const archive = archiveOf(someFiles(60))
  const digests = (blocks: readonly Buffer[]) => blocks.map((block) => digestOf(block))
  const expected = digests(await blocksOf(archive))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 100, max: 400_000 }), async (chunkBytes) => {
      expect(digests(await blocksOf(archive, chunkBytes))).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})

test('any bytes with headers among them come back as they were', async () => {
  const header = archiveOf([{ path: 'a', content: 'x'.repeat(70_000) }]).subarray(0, 512)
  const part = fc.oneof(fc.constant(header), fc.constant(Buffer.alloc(70_000)), fc.uint8Array({ maxLength: 2000 }))
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 40 }), async (parts) => {
      const bytes = Buffer.concat(parts)
      expect(Buffer.concat(await blocksOf(bytes)).equals(bytes)).toBe(true)
    }),
    { numRuns: 100 },
  )
})

const files = someFiles(500)
const middle = files.slice(250, 251)[0]!

const changes: Readonly<Record<string, readonly SampleEntry[]>> = {
  'is new': files.toSpliced(250, 0, { path: 'new', content: 'y'.repeat(5000) }),
  'is gone': files.toSpliced(250, 1),
  'is longer': files.with(250, { ...middle, content: `${middle.content}${'z'.repeat(5000)}` }),
  'is another': files.with(250, { ...middle, content: 'w'.repeat(middle.content?.length ?? 0) }),
  'has another time': files.with(250, { ...middle, mtimeSeconds: 1 }),
}

for (const [what, after] of Object.entries(changes)) {
  test(`when a file ${what}, at most a few blocks around it are others`, async () => {
    const count = await newBlocks(files, after)
    expect([count > 0, count <= 3]).toEqual([true, true])
  })
}

test('blocks of a large file stay the same, whatever comes before it', async () => {
  const large: SampleEntry = {
    path: 'large',
    content: Array.from({ length: 30_000 }, (_, index) => createHash('sha256').update(`${index}`).digest('hex')).join(
      '',
    ),
  }
  const before = [...files.slice(0, 30), large, ...files.slice(30, 60)]
  expect(await newBlocks(before, [{ path: 'a', content: 'new' }, ...before])).toBeLessThanOrEqual(3)
})
