import { availableParallelism } from 'node:os'
import { digestOf, type Digest } from '../../core/digest.ts'
import type { BlockMemory } from './block-memory.ts'
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
  const atWork: CompressedBlock[] = []
  yield format.header
  for await (const { bytes, release } of cutBlocks(chunks, format.meanBlockBytes)) {
    format.count(bytes)
    const content = digestOf(bytes)
    const compressed = compressOnce(bytes, content, format, memory).finally(release)
    compressed.catch(() => undefined) // awaited below, in its turn
    atWork.push({ content, compressed })
    if (atWork.length > mostAtWork) yield* finished(atWork.splice(0, 1), memory)
  }
  yield* finished(atWork, memory)
  yield format.trailer()
}

interface CompressedBlock {
  readonly content: Digest
  readonly compressed: Promise<Uint8Array>
}

async function compressOnce(
  block: Uint8Array,
  content: Digest,
  format: BlockFormat,
  memory: BlockMemory,
): Promise<Uint8Array> {
  return memory.find(content) ?? format.compress(block)
}

async function* finished(blocks: readonly CompressedBlock[], memory: BlockMemory): AsyncGenerator<Uint8Array> {
  for (const { content, compressed } of blocks) {
    const bytes = await compressed
    memory.note(content, bytes)
    yield bytes
  }
}
