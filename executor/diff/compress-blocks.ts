import { availableParallelism } from 'node:os'
import { crc32 } from 'node:zlib'
import { digestInPool } from '../../core/digest.ts'
import type { BlockMemory, IndexedBlock, PackedBlock } from './block-memory.ts'
import type { Block } from './cut-blocks.ts'

/** A format in which blocks that were compressed by themselves, put behind each other, are one stream. */
export interface BlockFormat {
  /** Formats of the same name make the same of the same block. */
  readonly maker: string
  readonly meanBlockBytes: number
  /** What the stream begins with. */
  readonly header: Uint8Array
  /** What the stream's end depends on of a block. */
  check(block: Uint8Array): number
  /** Takes notice of the next block, in their order.
   *  @param check what `check()` gives for it; @param sizeBytes its length */
  count(check: number, sizeBytes: number): void
  /** The same result for the same bytes, whatever the other blocks are. */
  compress(block: Uint8Array): Promise<Uint8Array>
  /** What the stream ends with, once all blocks were counted. */
  trailer(): Uint8Array
}

/** A block that need not be read: an earlier archive has the same. */
export interface KnownBlock {
  readonly known: IndexedBlock
  /** For when what was made of it cannot be had any more. */
  read(): Block
}

/** Compresses an archive in Node's thread pool, as many blocks at a time as there are processors, and one. The result is the same for any number of them, and
 *  for any memory.
 *  @param memory has blocks that need not be compressed again, and is told of all that there are
 *  @returns chunks that hold until the next one is asked for */
export async function* compressBlocks(
  blocks: Iterable<Block | KnownBlock> | AsyncIterable<Block | KnownBlock>,
  format: BlockFormat,
  memory: BlockMemory,
): AsyncGenerator<Uint8Array> {
  const mostAtWork = availableParallelism() + 1
  const atWork: Promise<PackedBlock>[] = []
  yield format.header
  for await (const block of blocks) {
    const check = 'known' in block ? block.known.check : format.check(block.bytes)
    format.count(check, 'known' in block ? block.known.contentBytes : block.bytes.length)
    const packing = 'known' in block ? takeBlock(block, format, memory) : packBlock(block, check, format, memory)
    packing.catch(() => undefined) // awaited below, in its turn
    atWork.push(packing)
    if (atWork.length > mostAtWork) yield* packed(atWork.splice(0, 1), memory)
  }
  yield* packed(atWork, memory)
  yield format.trailer()
}

async function takeBlock(block: KnownBlock, format: BlockFormat, memory: BlockMemory): Promise<PackedBlock> {
  return memory.find(block.known.content) ?? packBlock(block.read(), block.known.check, format, memory)
}

async function packBlock(
  { bytes: block, startsMember, release }: Block,
  check: number,
  format: BlockFormat,
  memory: BlockMemory,
): Promise<PackedBlock> {
  try {
    const content = await digestInPool(block)
    const packed = memory.find(content) ?? (await compressBlock(block, format))
    return { ...packed, content, contentBytes: block.length, check, startsMember }
  } finally {
    release()
  }
}

async function compressBlock(
  block: Uint8Array,
  format: BlockFormat,
): Promise<Pick<PackedBlock, 'bytes' | 'stored' | 'release'>> {
  const bytes = await format.compress(block)
  return { bytes, stored: crc32(bytes), release: () => undefined }
}

async function* packed(blocks: readonly Promise<PackedBlock>[], memory: BlockMemory): AsyncGenerator<Uint8Array> {
  for (const packing of blocks) {
    const block = await packing
    memory.note(block)
    yield block.bytes
    block.release()
  }
}
