import { blockBytes as headerBytes } from '../../cache/tar/index.ts'
import type { IndexedBlock } from './block-memory.ts'
import type { KnownBlock } from './compress-blocks.ts'
import { Cutter, type Block } from './cut-blocks.ts'

/** What an archive is made of that revises an earlier one: stretches of that, and members that are new. */
export type ArchivePiece =
  | { readonly kind: 'kept'; readonly start: number; readonly end: number }
  | { readonly kind: 'new'; readonly chunks: Iterable<Uint8Array> }

export interface EarlierArchive {
  readonly sizeBytes: number
  /** In chunks that hold until the next one is asked for. */
  read(start: number, end: number): Iterable<Uint8Array>
}

/** The blocks that `cutBlocks()` makes of the archive, of which those that the earlier one had are not even read. Where a block ends depends on nothing but itself
 *  and the header behind it: with both in a stretch that is kept, and cut where it was cut before, it is the same.
 *  @param blocks those that the earlier archive was cut into */
export function* cutRevision(
  pieces: Iterable<ArchivePiece>,
  archive: EarlierArchive,
  blocks: readonly IndexedBlock[],
  meanBytes: number,
): Generator<Block | KnownBlock, void, undefined> {
  const revision = new RevisionCutter(archive, blocks, meanBytes)
  for (const piece of pieces) {
    if (piece.kind === 'kept') yield* revision.keep(piece.start, piece.end)
    else yield* revision.add(piece.chunks)
  }
  yield* revision.rest()
}

class RevisionCutter {
  readonly #archive: EarlierArchive
  readonly #blocks: readonly IndexedBlock[]
  readonly #cutter: Cutter
  /** Where in the earlier archive each block begins, and where the last one ends. */
  readonly #starts: readonly number[]
  /** Blocks that begin with a header: the cutter can go on from there without having seen what comes before. */
  readonly #byStart = new Map<number, number>()
  #isComplete = false

  constructor(archive: EarlierArchive, blocks: readonly IndexedBlock[], meanBytes: number) {
    this.#archive = archive
    this.#blocks = blocks
    this.#cutter = new Cutter(meanBytes)
    const starts = [0]
    for (const [index, { contentBytes, startsMember }] of blocks.entries()) {
      const start = starts[index] as number
      if (startsMember) this.#byStart.set(start, index)
      starts.push(start + contentBytes)
    }
    this.#starts = starts
    if (starts.at(-1) !== archive.sizeBytes) throw new Error('the blocks are those of another archive')
  }

  *add(chunks: Iterable<Uint8Array>): Generator<Block> {
    for (const chunk of chunks) yield* this.#cutter.add(chunk)
  }

  *keep(start: number, end: number): Generator<Block | KnownBlock> {
    for (let at = start; at < end;) {
      const first = this.#cutter.heldBytes === 0 ? this.#byStart.get(at) : undefined
      const behind = first === undefined ? undefined : this.#lastKept(first, end)
      if (first !== undefined && behind !== undefined) {
        for (let index = first; index < behind; index++) yield this.#known(index)
        at = this.#starts[behind] as number
        this.#isComplete = behind === this.#blocks.length
        continue
      }
      // A header tells whether a block ends before it.
      const next = this.#nextStart(at)
      const stop = next === undefined ? end : Math.min(next + headerBytes, end)
      yield* this.add(this.#archive.read(at, stop))
      at = stop
      if (next === undefined || stop !== next + headerBytes || this.#cutter.heldBytes !== headerBytes) continue
      this.#cutter.drop()
      at = next
    }
  }

  *rest(): Generator<Block> {
    if (!this.#isComplete) yield this.#cutter.rest()
  }

  /** The block behind the last of those from `first` on that are kept whole, and behind which cutting can go on. */
  #lastKept(first: number, end: number): number | undefined {
    let found: number | undefined
    for (let index = first; index < this.#blocks.length; index++) {
      const blockEnd = this.#starts[index + 1] as number
      const isLast = blockEnd === this.#archive.sizeBytes
      if (isLast ? end < blockEnd : end < blockEnd + headerBytes) break
      if (isLast || this.#blocks[index + 1]?.startsMember === true) found = index + 1
    }
    return found
  }

  #nextStart(at: number): number | undefined {
    return this.#starts.find((start) => start > at && this.#byStart.has(start))
  }

  #known(index: number): KnownBlock {
    const known = this.#blocks[index] as IndexedBlock
    const [start, end] = [this.#starts[index] as number, this.#starts[index + 1] as number]
    const { startsMember } = known
    const read = (): Block => {
      const bytes = Buffer.allocUnsafeSlow(end - start)
      let filled = 0
      for (const chunk of this.#archive.read(start, end)) {
        bytes.set(chunk, filled)
        filled += chunk.length
      }
      return { bytes, startsMember, release: () => undefined }
    }
    return { known, read }
  }
}
