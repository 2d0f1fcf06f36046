import { fdatasync } from 'node:fs'
import { promisify } from 'node:util'

const datasync = promisify(fdatasync)

/** So much is not waited for at the end, and is enough for the disk to do at a time. */
const stretchBytes = 16 * 1024 * 1024

/** Has the disk take what is written to a file while more is on its way, so that there is little left to wait for when it has to be there for good. */
export class FlushAhead {
  readonly #file: number
  #unflushedBytes = 0
  #flushing: Promise<void> | undefined

  constructor(file: number) {
    this.#file = file
  }

  wrote(bytes: number): void {
    this.#unflushedBytes += bytes
    if (this.#flushing !== undefined || this.#unflushedBytes < stretchBytes) return
    this.#unflushedBytes = 0
    this.#flushing = datasync(this.#file)
      .catch(() => undefined) // whoever waits for all of it is told
      .finally(() => (this.#flushing = undefined))
  }

  /** The file may be closed then. */
  async settle(): Promise<void> {
    await this.#flushing
  }
}
