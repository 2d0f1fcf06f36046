// So that whoever compiles only what imports this file sees the declaration too.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./unbzip2-stream.d.ts" />
import bitIterator from 'unbzip2-stream/lib/bit_iterator.js'
import bunzip from 'unbzip2-stream/lib/bzip2.js'
import { archiveInvalid } from './archive-invalid.ts'

/** A block takes at most this much, at the highest level: whoever has it can read a block without waiting. */
const blockInputBytes = 925_000

/** Block by block, rather than through the package's own stream, which holds all that a chunk of input gives: a hundred bytes of input can give
 *  a hundred megabytes.
 *  @throws {BuildError} `ARCHIVE_INVALID` */
export async function* unbzip2InProcess(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = source[Symbol.asyncIterator]()
  const queue: Uint8Array[] = []
  let receivedBytes = 0
  let ended = false
  const receive = async (wantedBytes: number) => {
    while (!ended && receivedBytes < wantedBytes) {
      const next = await input.next()
      if (next.done === true) ended = true
      else if (next.value.length > 0) {
        queue.push(next.value)
        receivedBytes += next.value.length
      }
    }
  }
  try {
    await receive(blockInputBytes)
    const bits = bitIterator(() => {
      const chunk = queue.shift()
      if (chunk === undefined) throw archiveInvalid('the bzip2 data ends in the middle of a block')
      return chunk
    })
    while (bits.bytesRead < receivedBytes) {
      const blockSize = attempt(() => bunzip.header(bits)) * 100_000
      const work = new Int32Array(blockSize)
      for (let crc: number | null = 0; ;) {
        await receive(bits.bytesRead + blockInputBytes)
        const block = new ByteList()
        crc = attempt(() => bunzip.decompress(bits, block.push, work, blockSize, crc ?? 0))
        if (crc === null) break
        yield block.bytes()
      }
      await receive(bits.bytesRead + blockInputBytes)
    }
  } finally {
    await input.return?.()
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof Error && error.name !== 'BuildError'
      ? archiveInvalid('the bzip2 data is damaged', error)
      : error
  }
}

class ByteList {
  #bytes = Buffer.allocUnsafe(1024 * 1024)
  #length = 0

  readonly push = (byte: number): void => {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * this.#length)
    this.#bytes[this.#length++] = byte
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}
