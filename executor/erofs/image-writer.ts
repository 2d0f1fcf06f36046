import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { archiveOffset, encodeMetadata } from './encode-metadata.ts'
import type { ImageNode } from './image-node.ts'

/** An image being written: an archive's bytes as they come, then what makes a file system of them. Disposed of unfinished, the file is removed. */
export class ImageWriter implements Disposable {
  readonly #path: string
  readonly #file: number
  #archiveBytes = 0
  #isFinished = false

  /** @param path of a new file */
  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'wx', 0o400)
  }

  get archiveBytes(): number {
    return this.#archiveBytes
  }

  append(chunk: Uint8Array): void {
    this.#write(chunk, archiveOffset + this.#archiveBytes)
    this.#archiveBytes += chunk.length
  }

  finish(root: ImageNode): void {
    const { head, tail, tailOffset } = encodeMetadata(root, this.#archiveBytes)
    this.#write(tail, tailOffset)
    this.#write(head, 0)
    this.#isFinished = true
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
    if (!this.#isFinished) unlinkSync(this.#path)
  }

  #write(bytes: Uint8Array, offset: number): void {
    for (let written = 0; written < bytes.length;)
      written += writeSync(this.#file, bytes, written, bytes.length - written, offset + written)
  }
}
