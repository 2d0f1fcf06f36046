import { availableParallelism } from 'node:os'
import { digestInPool } from '../../core/digest.ts'
import type { BlockMemory, PackedBlock } from './block-memory.ts'
import { cutBlocks, type ByteChunks } from './cut-blocks.ts'

/** A format in which blocks that were compressed by themselves, put behind each other, are one stream. */
export interface BlockFormat {
  /** Formats of the same name make the same of the same block. */
  readonly maker: string
  readonly meanBlockBytes: number
  /** What the stream begins with. */
  readonly header: Uint8Array
  /** Takes notice of the next block, in their order. */
  count(block: Uint8Array): void
  /** The same result for the same bytes, whatever the other blocks are. */
  compress(block: Uint8Array): Promise<Uint8Array>
  /** What the stream ends with, once all blocks were counted. */
  trailer(): Uint8Array
}

/** Compresses an archive in Node's thread pool, as many blocks at a time as there are processors, and one. The result is the same for any number of them, and
 *  for any memory.
 *  @param memory has blocks that need not be compressed again, and is told of all that there are */
export async function* compressBlocks(
  chunks: ByteChunks,
  format: BlockFormat,
  memory: BlockMemory,
): AsyncGenerator<Uint8Array> {
  const mostAtWork = availableParallelism() + 1
  const atWork: Promise<PackedBlock>[] = []
  yield format.header
  for await (const { bytes, release } of cutBlocks(chunks, format.meanBlockBytes)) {
    format.count(bytes)
    const packing = packBlock(bytes, format, memory).finally(release)
    packing.catch(() => undefined) // awaited below, in its turn
    atWork.push(packing)
    if (atWork.length > mostAtWork) yield* packed(atWork.splice(0, 1), memory)
  }
  yield* packed(atWork, memory)
  yield format.trailer()
}

async function packBlock(block: Uint8Array, format: BlockFormat, memory: BlockMemory): Promise<PackedBlock> {
  const content = await digestInPool(block)
  const known = await memory.find(content)
  if (known !== undefined) return known
  const bytes = await format.compress(block)
  return { content, stored: await digestInPool(bytes), bytes }
}

async function* packed(blocks: readonly Promise<PackedBlock>[], memory: BlockMemory): AsyncGenerator<Uint8Array> {
  for (const packing of blocks) {
    const block = await packing
    memory.note(block)
    yield block.bytes
  }
}
