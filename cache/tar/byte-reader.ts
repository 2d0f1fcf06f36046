/** An iterator that can pass over bytes without giving them. */
export interface SeekingIterator extends AsyncIterator<Uint8Array> {
  /** Gives how many bytes it passed over: fewer than asked for only at the end. */
  seekForward(count: number): Promise<number>
}

/** Takes exact numbers of bytes from a stream of chunks of any size. */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  /** Of the chunk's end, from the stream's beginning. */
  #receivedBytes = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next bytes, fewer only at the end of the stream. They may be a view of a chunk: copy what must last. */
  async take(count: number): Promise<Buffer> {
    return this.takeBuffered(count) ?? this.#gather(count)
  }

  /** As `take`, at once; `undefined` where more must be waited for. */
  takeBuffered(count: number): Buffer | undefined {
    if (this.#chunk.length - this.#at < count) return undefined
    const taken = this.#chunk.subarray(this.#at, this.#at + count)
    this.#at += count
    return taken
  }

  /** How many bytes have been taken and passed over. */
  get position(): number {
    return this.#receivedBytes - (this.#chunk.length - this.#at)
  }

  /** Between 1 and `count` bytes, as they come; `undefined` at the end of the stream. */
  async takeSome(count: number): Promise<Buffer | undefined> {
    if (this.#at >= this.#chunk.length && !(await this.#fill())) return undefined
    return this.takeBuffered(Math.min(count, this.#chunk.length - this.#at))
  }

  /** Passes over bytes, and gives how many there were. */
  async skip(count: number): Promise<number> {
    let left = count
    while (left > 0) {
      if (this.#at >= this.#chunk.length && isSeeking(this.#source) && left < Infinity) {
        const passed = await this.#source.seekForward(left)
        this.#receivedBytes += passed
        return count - left + passed
      }
      const some = await this.takeSome(left)
      if (some === undefined) break
      left -= some.length
    }
    return count - left
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#source.return?.()
    this.#ended = true
  }

  async #gather(count: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let left = count
    while (left > 0) {
      const some = await this.takeSome(left)
      if (some === undefined) break
      parts.push(some)
      left -= some.length
    }
    return Buffer.concat(parts)
  }

  async #fill(): Promise<boolean> {
    while (!this.#ended) {
      const next = await this.#source.next()
      if (next.done === true) {
        this.#ended = true
        break
      }
      const { buffer, byteOffset, byteLength } = next.value
      if (byteLength === 0) continue
      this.#chunk = Buffer.from(buffer, byteOffset, byteLength)
      this.#at = 0
      this.#receivedBytes += byteLength
      return true
    }
    this.#chunk = Buffer.alloc(0)
    this.#at = 0
    return false
  }
}

function isSeeking(source: AsyncIterator<Uint8Array>): source is SeekingIterator {
  return 'seekForward' in source
}
