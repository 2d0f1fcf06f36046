import type { BlockFormat } from './compress-blocks.ts'
import { isWorthwhile } from './is-worthwhile.ts'
import { findZstdEngine, type ZstdEngine } from './zstd-engine.ts'

/** For what does not get smaller. */
const fastLevel = 1

/** A frame for each block. They are larger than those of gzip: zstd finds much that is far away, and is quick.
 *  @see https://datatracker.ietf.org/doc/html/rfc8878#section-3.1 */
export class ZstdFormat implements BlockFormat {
  readonly meanBlockBytes = 4 * 1024 * 1024
  readonly header = new Uint8Array()
  readonly maker: string
  readonly #engine: ZstdEngine
  readonly #level: number

  private constructor(engine: ZstdEngine, level: number) {
    this.maker = `${engine.name}, level ${level}`
    this.#engine = engine
    this.#level = level
  }

  /** @throws {BuildError} `UNSUPPORTED` where there is nothing that makes zstd */
  static async open(level: number): Promise<ZstdFormat> {
    return new ZstdFormat(await findZstdEngine(), level)
  }

  check(): number {
    return 0
  }

  count(): void {
    // A frame tells all about itself.
  }

  compress(block: Uint8Array): Promise<Uint8Array> {
    return this.#engine.compress(block, isWorthwhile(block) ? this.#level : Math.min(this.#level, fastLevel))
  }

  trailer(): Uint8Array {
    return new Uint8Array()
  }
}
