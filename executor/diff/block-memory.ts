import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { Digest } from '../../core/digest.ts'
import type { BlockFormat } from './compress-blocks.ts'

/** Where the blocks of a packed layer lie, by what they hold. Plain data. */
export interface BlockIndex {
  /** Makers of the same name make the same of the same block. */
  readonly maker: string
  readonly blocks: readonly IndexedBlock[]
}

export interface IndexedBlock {
  /** Of the block as it is in the archive. */
  readonly content: Digest
  /** Of it, there. */
  readonly contentBytes: number
  /** What the format wants to know of it. */
  readonly check: number
  /** Whether it begins with a header of the archive. */
  readonly startsMember: boolean
  /** CRC-32 of what was made of it: tells a block that a disk has damaged. */
  readonly stored: number
  /** Where that lies in the layer's blob. */
  readonly offset: number
  readonly sizeBytes: number
}

/** A block that goes into a layer's blob. */
export interface PackedBlock extends Omit<IndexedBlock, 'offset' | 'sizeBytes'> {
  /** What was made of it. */
  readonly bytes: Uint8Array
  /** To be called when nobody needs the bytes any more: their memory is used again. */
  release(): void
}

/** A layer that an earlier build has packed, at the same step. */
export interface FormerLayer {
  readonly path: string
  readonly index: BlockIndex
}

/** Takes blocks from a layer that was packed before, and notes those of the one that is packed now. What is taken is what the maker would make again: a blob that
 *  is gone or damaged gives nothing. */
export class BlockMemory implements Disposable {
  readonly #maker: string
  readonly #former = new Map<Digest, IndexedBlock>()
  readonly #file: number | undefined
  readonly #fileBytes: number = 0
  readonly #largestBytes: number = 0
  readonly #blocks: IndexedBlock[] = []
  readonly #spare: Buffer[] = []
  #endBytes: number

  constructor({ maker, header }: Pick<BlockFormat, 'maker' | 'header'>, former: FormerLayer | undefined) {
    this.#maker = maker
    this.#endBytes = header.length
    if (former === undefined || former.index.maker !== maker) return
    this.#file = findFile(former.path)
    if (this.#file === undefined) return
    this.#fileBytes = fstatSync(this.#file).size
    const { blocks } = former.index
    this.#largestBytes = Math.min(
      this.#fileBytes,
      blocks.reduce((most, block) => Math.max(most, block.sizeBytes), 0),
    )
    for (const block of blocks) this.#former.set(block.content, block)
  }

  /** What was made of the block, as it is read, and found to be, now. */
  find(content: Digest): PackedBlock | undefined {
    const known = this.#former.get(content)
    if (known === undefined || this.#file === undefined) return undefined
    const { offset, sizeBytes } = known
    if (!(sizeBytes > 0 && offset + sizeBytes <= this.#fileBytes)) return undefined
    const memory = this.#take(sizeBytes)
    const bytes = memory.subarray(0, sizeBytes)
    try {
      if (readSync(this.#file, bytes, 0, sizeBytes, offset) < sizeBytes) return undefined
    } catch {
      return undefined // a disk that is failing, or no place in a file
    }
    if (crc32(bytes) !== known.stored) return undefined
    return { ...known, bytes, release: () => this.#spare.push(memory) }
  }

  /** One that is large enough, of those that were given back. */
  #take(sizeBytes: number): Buffer {
    const fitting = this.#spare.findIndex(({ length }) => length >= sizeBytes)
    const [spare] = fitting === -1 ? [] : this.#spare.splice(fitting, 1)
    return spare ?? Buffer.allocUnsafeSlow(Math.max(sizeBytes, this.#largestBytes))
  }

  /** To be called for one block after the other. */
  note({ bytes, ...block }: PackedBlock): void {
    const sizeBytes = bytes.length
    const { content, contentBytes, check, startsMember, stored } = block
    this.#blocks.push({ content, contentBytes, check, startsMember, stored, offset: this.#endBytes, sizeBytes })
    this.#endBytes += sizeBytes
  }

  /** Of what was noted. */
  get index(): BlockIndex {
    return { maker: this.#maker, blocks: this.#blocks }
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}

function findFile(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
