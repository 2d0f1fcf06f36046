import { createCipheriv } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const textPoolBytes = 1 << 20

/** Numbers and bytes that are the same in every run. */
export class Seeded {
  #state: number
  readonly #textPool: Buffer

  constructor(seed: number) {
    this.#state = seed >>> 0
    this.#textPool = this.#makeText()
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return this.#state / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Bytes that do not compress. */
  noise(size: number): Buffer {
    const key = Buffer.alloc(16)
    key.writeUInt32LE(this.below(2 ** 32))
    return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
  }

  /** Words that compress about as well as program text. */
  text(size: number): Buffer {
    const parts: Buffer[] = []
    for (let left = size; left > 0;) {
      const start = this.below(textPoolBytes)
      const part = this.#textPool.subarray(start, start + left)
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  }

  #makeText(): Buffer {
    const letter = (): string => String.fromCharCode(97 + this.below(26))
    const words = Array.from({ length: 2000 }, () => Array.from({ length: 3 + this.below(8) }, letter).join(''))
    const text = Array.from({ length: textPoolBytes / 6 }, () => words[this.below(words.length)]).join(' ')
    return Buffer.from(text).subarray(0, textPoolBytes)
  }
}

export interface FilesOptions {
  readonly seed: number
  readonly count: number
  /** Of all files, about. */
  readonly totalBytes: number
}

/** Fills a folder with files of all sizes up to twice the mean, 25 or so in a directory, three in ten of them incompressible. */
export function generateFiles(folder: string, { seed, count, totalBytes }: FilesOptions): void {
  const seeded = new Seeded(seed)
  const largest = (2 * totalBytes) / count
  for (let index = 0; index < count; index++) {
    const size = Math.floor(largest * seeded.next())
    const isNoise = seeded.next() < 0.3
    const path = join(folder, generatedPath(index))
    if (index < 1200) mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, isNoise ? seeded.noise(size) : seeded.text(size))
  }
}

/** Where the file of that number lies: in one of 1,200 directories, two deep. */
export function generatedPath(index: number): string {
  return `d${index % 30}/e${Math.floor(index / 30) % 40}/f${index}`
}
