/** Values in the order they were pushed, for one reader, who may be slower than the writer. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = []
  #closed = false
  #wake: (() => void) | undefined

  push(value: T): void {
    if (this.#closed) return
    this.#values.push(value)
    this.#wake?.()
  }

  /** The reader gets what was pushed before, then the end. */
  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      yield* this.#values.splice(0)
      if (this.#values.length > 0) continue
      if (this.#closed) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
