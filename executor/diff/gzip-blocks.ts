import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib'

/** The unit of work. Where one begins depends on nothing but the bytes before it, so the result is the same for any number of threads. */
const blockBytes = 1024 * 1024
/** How far back deflate refers: what a block may take for known from the one before it. */
const windowBytes = 32 * 1024
const level = 6

const deflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw)

/** Compresses as one gzip member, block by block in Node's thread pool: every block ends on a byte boundary, so that they follow each other as one stream. No
 *  more blocks are in memory than there are processors, and a few.
 *  @see https://datatracker.ietf.org/doc/html/rfc1952
 *  @see https://datatracker.ietf.org/doc/html/rfc1951#section-3.2.4 */
export async function* gzipBlocks(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield header
  const total = new Total()
  const atWork: Promise<Uint8Array>[] = []
  const mostAtWork = availableParallelism() + 1
  for (const block of blocksOf(chunks)) {
    total.add(block.bytes)
    // A layer of a single block, as most layers of steps are, is done sooner than a thread has heard of it.
    if (block.isFirst && block.isLast) yield deflateRawSync(block.bytes, optionsFor(block))
    else atWork.push(deflateInPool(block.bytes, optionsFor(block)))
    if (atWork.length > mostAtWork) yield (await atWork.shift()) ?? new Uint8Array()
  }
  for (const compressed of atWork) yield await compressed
  yield total.trailer()
}

/** Deflate, no flags, no time, no hint, made by no particular system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])

interface Block {
  readonly bytes: Uint8Array
  /** The end of the block before it. */
  readonly before: Uint8Array | undefined
  readonly isFirst: boolean
  readonly isLast: boolean
}

function optionsFor({ bytes, before, isLast }: Block): ZlibOptions {
  return {
    level: isWorthwhile(bytes) ? level : constants.Z_NO_COMPRESSION,
    dictionary: before,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
  }
}

/** Pictures, archives and the like cost much time and save nothing. A look at a few places tells them. */
function isWorthwhile(bytes: Uint8Array): boolean {
  const sampleBytes = 4096
  if (bytes.length < 16 * sampleBytes) return true
  const step = Math.floor(bytes.length / 4)
  const samples = [0, 1, 2, 3].map((index) => bytes.subarray(index * step, index * step + sampleBytes))
  const compressed = deflateRawSync(Buffer.concat(samples), { level: constants.Z_BEST_SPEED })
  return compressed.length < 0.97 * samples.length * sampleBytes
}

function* blocksOf(chunks: Iterable<Uint8Array>): Generator<Block> {
  let parts: Uint8Array[] = []
  let filled = 0
  let waiting: Block | undefined
  for (const chunk of chunks) {
    parts.push(chunk)
    filled += chunk.length
    if (filled < blockBytes) continue
    if (waiting !== undefined) yield waiting
    waiting = blockAfter(waiting, parts)
    parts = []
    filled = 0
  }
  if (filled > 0 || waiting === undefined) {
    if (waiting !== undefined) yield waiting
    waiting = blockAfter(waiting, parts)
  }
  yield { ...waiting, isLast: true }
}

function blockAfter(earlier: Block | undefined, parts: readonly Uint8Array[]): Block {
  const before = earlier?.bytes.subarray(-windowBytes)
  return { bytes: Buffer.concat(parts), before, isFirst: earlier === undefined, isLast: false }
}

/** What gzip says of the whole at its end. */
class Total {
  #crc = 0
  #sizeBytes = 0

  add(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc)
    this.#sizeBytes += bytes.length
  }

  trailer(): Uint8Array {
    const trailer = Buffer.alloc(8)
    trailer.writeUInt32LE(this.#crc, 0)
    trailer.writeUInt32LE(this.#sizeBytes % 2 ** 32, 4)
    return trailer
  }
}
