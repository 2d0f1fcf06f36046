import { XzReadableStream } from 'xz-decompress'
import { archiveInvalid } from './archive-invalid.ts'

/** @throws {BuildError} `ARCHIVE_INVALID` */
export async function* unxzInProcess(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const feed = new Feed(source)
  const machine = new XzReadableStream(feed.stream).getReader()
  try {
    for (;;) {
      const next = await machine.read()
      if (next.done) break
      yield next.value
    }
    if (await feed.hasMore()) {
      throw archiveInvalid('only programs read several xz streams behind each other: install "xz"')
    }
  } catch (error) {
    throw (
      feed.failure ??
      (error instanceof Error && error.name !== 'BuildError' ? archiveInvalid(error.message, error) : error)
    )
  } finally {
    await machine.cancel().catch(() => undefined)
    await feed.close()
  }
}

/** The source as a web stream, which remembers the source's own error: the decompressor wraps it, or stumbles over it. */
class Feed {
  readonly stream: ReadableStream<Uint8Array>
  readonly #iterator: AsyncIterator<Uint8Array>
  failure: unknown

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.#next()
          if (chunk === undefined) controller.close()
          else controller.enqueue(chunk)
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Reads the source to its end. */
  async hasMore(): Promise<boolean> {
    let more = false
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) more ||= chunk.some(Boolean)
    return more
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#iterator.next()
      return next.done === true ? undefined : next.value
    } catch (error) {
      this.failure = error
      throw error
    }
  }
}
