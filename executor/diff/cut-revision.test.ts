import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { archiveOf } from '../../test/support/archive.ts'
import '../../test/support/fixed-seed.ts'
import type { IndexedBlock } from './block-memory.ts'
import type { KnownBlock } from './compress-blocks.ts'
import { cutBlocks, type Block } from './cut-blocks.ts'
import { cutRevision, type ArchivePiece } from './cut-revision.ts'

const meanBytes = 8 * 1024

interface Cut {
  readonly bytes: Buffer
  readonly startsMember: boolean
  readonly isKnown: boolean
}

async function takeDown(blocks: AsyncIterable<Block | KnownBlock> | Iterable<Block | KnownBlock>): Promise<Cut[]> {
  const cuts: Cut[] = []
  for await (const block of blocks) {
    const isKnown = 'known' in block
    const { bytes, startsMember, release } = isKnown ? block.read() : block
    cuts.push({ bytes: Buffer.from(bytes), startsMember, isKnown })
    release()
  }
  return cuts
}

function indexOf(cuts: readonly Cut[]): readonly IndexedBlock[] {
  return cuts.map(({ bytes, startsMember }) => {
    const content = digestOf(bytes)
    return { content, contentBytes: bytes.length, check: 0, startsMember, stored: 0, offset: 0, sizeBytes: 1 }
  })
}

/** Members with their padding, and no end marker. */
function memberOf(sizeBytes: number, name: number): Buffer {
  return archiveOf([{ path: `file${name}`, content: String(name % 10).repeat(sizeBytes) }]).subarray(0, -1024)
}

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3000) },
  { weight: 1, arbitrary: fc.nat(100_000) },
  { weight: 1, arbitrary: fc.constant(0) },
)
const changed = fc.oneof(
  { weight: 12, arbitrary: fc.constant('kept' as const) },
  { weight: 1, arbitrary: fc.constant('replaced' as const) },
  { weight: 1, arbitrary: fc.constant('preceded' as const) },
)

test('a revision is cut as its archive would be, and what it keeps is known', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(sizes, changed, sizes), { maxLength: 150 }), async (members) => {
      const end = Buffer.alloc(1024)
      const before = Buffer.concat([...members.map(([size], index) => memberOf(size, index)), end])
      const archive = {
        sizeBytes: before.length,
        read: (from: number, to: number) => [before.subarray(from, to)],
      }
      const pieces: ArchivePiece[] = []
      let [kept, at] = [0, 0]
      for (const [index, [size, fate, newSize]] of members.entries()) {
        const next = at + memberOf(size, index).length
        if (fate !== 'kept') {
          pieces.push(
            { kind: 'kept', start: kept, end: at },
            { kind: 'new', chunks: [memberOf(newSize, 1000 + index)] },
          )
          kept = fate === 'replaced' ? next : at
        }
        at = next
      }
      pieces.push({ kind: 'kept', start: kept, end: before.length })
      const after = Buffer.concat(
        pieces.flatMap((piece) => (piece.kind === 'kept' ? archive.read(piece.start, piece.end) : [...piece.chunks])),
      )
      const index = indexOf(await takeDown(cutBlocks([before], meanBytes)))
      const expected = await takeDown(cutBlocks([after], meanBytes))
      const found = await takeDown(cutRevision(pieces, archive, index, meanBytes))
      expect(found.map(({ bytes }) => digestOf(bytes))).toEqual(expected.map(({ bytes }) => digestOf(bytes)))
      expect(found.map(({ startsMember }) => startsMember)).toEqual(expected.map(({ startsMember }) => startsMember))
    }),
    { numRuns: 300 },
  )
})

test('all but the blocks around a change are known', async () => {
  const members = Array.from({ length: 400 }, (_, index) => memberOf(1000 + (index % 7) * 300, index))
  const before = Buffer.concat([...members, Buffer.alloc(1024)])
  const start = members.slice(0, 200).reduce((sum, { length }) => sum + length, 0)
  const archive = { sizeBytes: before.length, read: (from: number, to: number) => [before.subarray(from, to)] }
  const index = indexOf(await takeDown(cutBlocks([before], meanBytes)))
  const pieces: ArchivePiece[] = [
    { kind: 'kept', start: 0, end: start },
    { kind: 'new', chunks: [memberOf(5, 1000)] },
    { kind: 'kept', start: start + (members[200]?.length ?? 0), end: before.length },
  ]
  const found = await takeDown(cutRevision(pieces, archive, index, meanBytes))
  expect(found.filter(({ isKnown }) => !isKnown).length).toBeLessThan(index.length / 4)
})
