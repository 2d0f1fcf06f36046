import { closeSync, openSync, readSync } from 'node:fs'
import { locateMembers, type MemberPlace } from '../../cache/tar/index.ts'
import { archiveOffset, findArchiveEnd } from './encode-metadata.ts'

const chunkBytes = 256 * 1024

/** The archive that an image was made of, of which parts may be left out. One whose length is no multiple of a block ends with zeros here. */
export class ImageArchive implements Disposable {
  readonly sizeBytes: number
  readonly #file: number

  constructor(image: string) {
    this.#file = openSync(image, 'r')
    const end = findArchiveEnd(this.#read(0, archiveOffset))
    if (end === undefined) {
      closeSync(this.#file)
      throw new Error(`${image} is no image of a layer`)
    }
    this.sizeBytes = end - archiveOffset
  }

  /** In chunks that hold until the next one is asked for: all are in the same memory. */
  *read(start = 0, end = this.sizeBytes): Generator<Uint8Array, void, undefined> {
    const memory = Buffer.allocUnsafeSlow(Math.max(0, Math.min(chunkBytes, end - start)))
    for (let at = start; at < end;) {
      const chunk = memory.subarray(0, end - at)
      this.#fill(chunk, archiveOffset + at)
      yield chunk
      at += chunk.length
    }
  }

  /** Of an archive that we have made. */
  members(): Generator<MemberPlace, void, undefined> {
    return locateMembers((offset, bytes) => this.#fill(bytes, archiveOffset + offset))
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }

  #read(offset: number, sizeBytes: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.#fill(bytes, offset)
    return bytes
  }

  #fill(bytes: Buffer, offset: number): void {
    if (readSync(this.#file, bytes, 0, bytes.length, offset) < bytes.length)
      throw new Error('an image ends before its archive does')
  }
}

/** All of it, as `ImageArchive.read()` gives it. */
export function* readImageArchive(image: string): Generator<Uint8Array, void, undefined> {
  using archive = new ImageArchive(image)
  yield* archive.read()
}
