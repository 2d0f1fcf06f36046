import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib'
import type { BlockFormat } from './compress-blocks.ts'
import { combineCrc32 } from './crc32-combine.ts'
import { isWorthwhile } from './is-worthwhile.ts'

/** Blocks that are smaller are done sooner than a thread has heard of them. */
const leastPooledBytes = 64 * 1024

const deflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw)

/** One gzip member. Every block ends on a byte boundary, and refers to nothing before it, which makes the whole 0.3 % larger.
 *  @see https://datatracker.ietf.org/doc/html/rfc1952
 *  @see https://datatracker.ietf.org/doc/html/rfc1951#section-3.2.4 */
export class GzipFormat implements BlockFormat {
  readonly meanBlockBytes = 1024 * 1024
  /** Deflate, no flags, no time, no hint, made by no particular system. */
  readonly header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  readonly maker: string
  readonly #level: number
  #crc = 0
  #sizeBytes = 0

  constructor(level: number) {
    this.maker = `zlib ${process.versions.zlib}, level ${level}`
    this.#level = level
  }

  check(block: Uint8Array): number {
    return crc32(block)
  }

  count(check: number, sizeBytes: number): void {
    this.#crc = combineCrc32(this.#crc, check, sizeBytes)
    this.#sizeBytes += sizeBytes
  }

  async compress(block: Uint8Array): Promise<Uint8Array> {
    const level = isWorthwhile(block) ? this.#level : constants.Z_NO_COMPRESSION
    const options = { level, memLevel: constants.Z_MAX_MEMLEVEL, finishFlush: constants.Z_SYNC_FLUSH }
    return block.length < leastPooledBytes ? deflateRawSync(block, options) : deflateInPool(block, options)
  }

  /** A last block, which is empty, and what gzip says of the whole. */
  trailer(): Uint8Array {
    const trailer = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    trailer.writeUInt32LE(this.#crc, 2)
    trailer.writeUInt32LE(this.#sizeBytes % 2 ** 32, 6)
    return trailer
  }
}
