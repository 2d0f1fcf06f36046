import { availableParallelism } from 'node:os'
import { cutBlocks, type ByteChunks } from './cut-blocks.ts'

/** A format in which blocks that were compressed by themselves, put behind each other, are one stream. */
export interface BlockFormat {
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

/** Compresses an archive in Node's thread pool, as many blocks at a time as there are processors, and one. The result is the same for any number of them. */
export async function* compressBlocks(chunks: ByteChunks, format: BlockFormat): AsyncGenerator<Uint8Array> {
  yield format.header
  const mostAtWork = availableParallelism() + 1
  const atWork: Promise<Uint8Array>[] = []
  for await (const { bytes, release } of cutBlocks(chunks, format.meanBlockBytes)) {
    format.count(bytes)
    const compressing = format.compress(bytes).finally(release)
    compressing.catch(() => undefined) // awaited below, in its turn
    atWork.push(compressing)
    if (atWork.length > mostAtWork) yield (await atWork.shift()) ?? nothing
  }
  for (const compressed of atWork) yield await compressed
  yield format.trailer()
}

const nothing = new Uint8Array()
