import { crc32 } from 'node:zlib'
import { blockBytes as tarBlockBytes, paddingAfter } from '../../cache/tar/index.ts'

export type ByteChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** A part of an archive, to be compressed by itself. */
export interface Block {
  readonly bytes: Buffer
  /** Whether it begins with a header. */
  readonly startsMember: boolean
  /** To be called when nobody needs the bytes any more: their memory is used again. */
  release(): void
}

/** Cuts an archive into blocks. Where one ends depends on nothing but what the archive says there: mostly before a header that an arbitrary function of it has
 *  chosen. So the same files make the same blocks, but for a few around a file that is new, gone or changed. A large file has blocks of its own, however it is
 *  preceded. What is no archive is cut too. There is at least one block.
 *  @param meanBytes size of a block, about; none has more than twice that */
export async function* cutBlocks(chunks: ByteChunks, meanBytes: number): AsyncGenerator<Block> {
  const cutter = new Cutter(meanBytes)
  for await (const chunk of chunks) yield* cutter.add(chunk)
  yield cutter.rest()
}

/** As `cutBlocks()`, at one's own pace. */
export class Cutter {
  readonly #leastBytes: number
  readonly #mostBytes: number
  readonly #spare: Buffer[] = []
  #memory: Buffer
  #filledBytes = 0
  /** Where the next header is, if this is an archive, seen from the block's beginning. */
  #headerAt = 0
  #startsMember = true

  constructor(meanBytes: number) {
    this.#leastBytes = meanBytes / 2
    this.#mostBytes = 2 * meanBytes
    this.#memory = this.#take()
  }

  *add(chunk: Uint8Array): Generator<Block> {
    for (let taken = 0; taken < chunk.length;) {
      const size = Math.min(chunk.length - taken, this.#mostBytes - this.#filledBytes)
      this.#memory.set(chunk.subarray(taken, taken + size), this.#filledBytes)
      this.#filledBytes += size
      taken += size
      yield* this.#cutAtHeaders()
      if (this.#filledBytes === this.#mostBytes) yield this.#cutAt(this.#mostBytes)
    }
  }

  /** So much has come since the last cut. */
  get heldBytes(): number {
    return this.#filledBytes
  }

  /** Forgets what has come since the last cut, which was before a header. */
  drop(): void {
    this.#filledBytes = 0
    this.#headerAt = 0
    this.#startsMember = true
  }

  rest(): Block {
    return this.#cutAt(this.#filledBytes)
  }

  *#cutAtHeaders(): Generator<Block> {
    while (this.#headerAt + tarBlockBytes <= this.#filledBytes) {
      const header = this.#memory.subarray(this.#headerAt, this.#headerAt + tarBlockBytes)
      const contentBytes = contentBytesOf(header)
      if (this.#headerAt > 0 && this.#endsBefore(header, contentBytes)) yield this.#cutAt(this.#headerAt)
      this.#headerAt += tarBlockBytes + contentBytes + paddingAfter(contentBytes)
    }
  }

  /** The longer the file, the likelier: so that the blocks of small files and of large ones have about the same size. */
  #endsBefore(header: Buffer, contentBytes: number): boolean {
    if (contentBytes >= 2 * this.#leastBytes) return true
    return this.#headerAt >= this.#leastBytes && crc32(header) % this.#leastBytes < tarBlockBytes + contentBytes
  }

  #cutAt(endBytes: number): Block {
    const memory = this.#memory
    const startsMember = this.#startsMember
    this.#memory = this.#take()
    memory.copy(this.#memory, 0, endBytes, this.#filledBytes)
    this.#filledBytes -= endBytes
    this.#headerAt -= endBytes
    this.#startsMember = this.#headerAt === 0
    return { bytes: memory.subarray(0, endBytes), startsMember, release: () => this.#spare.push(memory) }
  }

  #take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#mostBytes)
  }
}

/** Length of the file that follows this header; 0 if it is none, or says it in another way than ours does. */
function contentBytesOf(header: Buffer): number {
  if (header.toString('latin1', 257, 262) !== 'ustar') return 0
  const [digits] = /^[0-7]{11}/.exec(header.toString('latin1', 124, 136)) ?? ['0']
  return Number.parseInt(digits, 8)
}
