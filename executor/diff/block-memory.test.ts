import { createHash } from 'node:crypto'
import { rmSync, truncateSync, writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import '../../test/support/fixed-seed.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { BlockMemory, type BlockIndex, type FormerLayer } from './block-memory.ts'
import { compressBlocks } from './compress-blocks.ts'
import { cutBlocks } from './cut-blocks.ts'
import { GzipFormat } from './gzip-format.ts'

/** gzip with small blocks, which counts those that it compresses. */
class CountingFormat extends GzipFormat {
  override readonly meanBlockBytes = 32 * 1024
  compressed = 0

  override compress(block: Uint8Array): Promise<Uint8Array> {
    this.compressed++
    return super.compress(block)
  }
}

interface Packed {
  readonly bytes: Buffer
  readonly index: BlockIndex
  readonly compressed: number
}

async function pack(entries: readonly SampleEntry[], former?: FormerLayer, level = 6): Promise<Packed> {
  const format = new CountingFormat(level)
  using memory = new BlockMemory(format, former)
  const parts: Uint8Array[] = []
  for await (const part of compressBlocks(cutBlocks([archiveOf(entries)], format.meanBlockBytes), format, memory))
    parts.push(Buffer.from(part))
  return { bytes: Buffer.concat(parts), index: memory.index, compressed: format.compressed }
}

function someFiles(count: number): readonly SampleEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const hash = createHash('sha256').update(String(index)).digest()
    return { path: `file${index}`, content: hash.toString('hex').repeat(1 + (hash.readUInt32LE() % 300)) }
  })
}

const files = someFiles(200)
const changed = files.with(100, { path: 'file100', content: 'changed' })

/** Packs `files`, and gives where that lies for others to take from. */
async function packedBefore(): Promise<FormerLayer & Packed> {
  const packed = await pack(files)
  const path = join(temporaryFolder(), 'blob')
  writeFileSync(path, packed.bytes)
  return { ...packed, path }
}

test('when a file has changed, a few blocks are compressed, and the result is that of packing all of it', async () => {
  const former = await packedBefore()
  const [with_, without] = [await pack(changed, former), await pack(changed)]
  expect(with_.bytes.equals(without.bytes)).toBe(true)
  expect(with_.index).toEqual(without.index)
  expect(gunzipSync(with_.bytes).equals(archiveOf(changed))).toBe(true)
  expect([without.compressed > 25, with_.compressed >= 1, with_.compressed <= 3]).toEqual([true, true, true])
})

test('when nothing has changed, nothing is compressed', async () => {
  const former = await packedBefore()
  const again = await pack(files, former)
  expect([again.bytes.equals(former.bytes), again.compressed]).toEqual([true, 0])
})

test('whatever changes, the result is that of packing all of it', async () => {
  const former = await packedBefore()
  const change = fc.record({
    at: fc.integer({ min: 0, max: files.length - 1 }),
    remove: fc.boolean(),
    content: fc.string({ maxLength: 50_000 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 5 }), async (edits) => {
      const after = edits.reduce(
        (all, { at, remove, content }) => all.toSpliced(at, remove ? 1 : 0, { path: `new${at}`, content }),
        files,
      )
      expect((await pack(after, former)).bytes.equals((await pack(after)).bytes)).toBe(true)
    }),
    { numRuns: 20 },
  )
})

test('an index tells where each block lies', async () => {
  const { bytes, index } = await packedBefore()
  for (const { offset, sizeBytes, stored } of index.blocks) {
    const gzip = gzipSync(bytes.subarray(offset, offset + sizeBytes))
    expect(stored).toBe(gzip.readUInt32LE(gzip.length - 8)) // RFC 1952: CRC32 of what was compressed
  }
})

const elsewhere = (index: BlockIndex, change: Partial<BlockIndex['blocks'][number]>): BlockIndex => ({
  ...index,
  blocks: index.blocks.map((block) => ({ ...block, ...change })),
})

const damages: Readonly<Record<string, (former: FormerLayer) => FormerLayer>> = {
  'a blob that is gone': (former) => {
    rmSync(former.path)
    return former
  },
  'a folder in its place': (former) => ({ ...former, path: join(former.path, '..') }),
  'a blob that is cut off': (former) => {
    truncateSync(former.path, 20)
    return former
  },
  'a blob with other bytes of the same length': (former) => {
    writeFileSync(former.path, Buffer.alloc(readFileSync(former.path).length, 7))
    return former
  },
  'an index of another maker': (former) => ({ ...former, index: { ...former.index, maker: 'zlib 0, level 6' } }),
  'places behind the end': (former) => ({ ...former, index: elsewhere(former.index, { offset: 2 ** 40 }) }),
  'places before the beginning': (former) => ({ ...former, index: elsewhere(former.index, { offset: -1 }) }),
  'blocks without an end': (former) => ({ ...former, index: elsewhere(former.index, { sizeBytes: 2 ** 40 }) }),
  'blocks of no length': (former) => ({ ...former, index: elsewhere(former.index, { sizeBytes: 0 }) }),
  'places that are no numbers': (former) => ({ ...former, index: elsewhere(former.index, { offset: 0.5 }) }),
  'another block’s place': (former) => ({ ...former, index: elsewhere(former.index, { offset: 10, sizeBytes: 100 }) }),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`${what} gives nothing, and the result is whole`, async () => {
    const former = damage(await packedBefore())
    const packed = await pack(files, former)
    expect(packed.bytes.equals((await pack(files)).bytes)).toBe(true)
    expect(packed.compressed).toBe(packed.index.blocks.length)
  })
}

test('one damaged block is compressed again, the others are taken', async () => {
  const former = await packedBefore()
  const bytes = readFileSync(former.path)
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  writeFileSync(former.path, bytes)
  const packed = await pack(files, former)
  expect([packed.bytes.equals(former.bytes), packed.compressed]).toEqual([true, 1])
})

test('another level takes nothing', async () => {
  const packed = await pack(files, await packedBefore(), 9)
  expect(packed.compressed).toBe(packed.index.blocks.length)
})
