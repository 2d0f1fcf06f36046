import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { compressionName, type LayerCompression } from '../../core/layer-compression.ts'
import type { BlockIndex, FormerLayer } from '../diff/block-memory.ts'

interface Remembered {
  readonly blob: Digest
  readonly index: BlockIndex
}

/** Remembers for each step, and each compression, the layer that was packed last and where its blocks lie: when the step yields another layer, the blocks that
 *  are the same need not be compressed again. */
export class FormerLayers {
  readonly #store: Store
  /** By the ids of layers. */
  readonly #steps = new Map<string, string>()

  constructor(store: Store) {
    this.#store = store
  }

  /** @param step what the step is called from build to build */
  noteStep(id: string, step: string): void {
    this.#steps.set(id, step)
  }

  /** What the layer's step has yielded before; `undefined` for layers of other builds. */
  find(id: string, compression: LayerCompression): FormerLayer | undefined {
    const key = this.#keyOf(id, compression)
    return key === undefined ? undefined : this.#find(key)
  }

  /** What this very layer was packed as, if it is one that others revise. */
  findOwn(id: string, compression: LayerCompression): FormerLayer | undefined {
    return this.#find(ownKey(id, compression))
  }

  /** Takes the place of what is remembered of the layer's step. */
  put(id: string, compression: LayerCompression, blob: Digest, index: BlockIndex): void {
    const key = this.#keyOf(id, compression)
    if (key !== undefined) this.#put(key, { blob, index })
  }

  putOwn(id: string, compression: LayerCompression, blob: Digest, index: BlockIndex): void {
    this.#put(ownKey(id, compression), { blob, index })
  }

  #find(key: string): FormerLayer | undefined {
    const known = this.#store.facts.find('packed-blocks', key) as Remembered | undefined
    return known && { path: this.#store.blobs.pathOf(known.blob), index: known.index }
  }

  #put(key: string, remembered: Remembered): void {
    this.#store.facts.put('packed-blocks', key, remembered)
  }

  #keyOf(id: string, compression: LayerCompression): string | undefined {
    const step = this.#steps.get(id)
    return step && `${step} ${compressionName(compression)}`
  }
}

function ownKey(id: string, compression: LayerCompression): string {
  return `${id} ${compressionName(compression)}`
}
