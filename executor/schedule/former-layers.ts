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
    if (key === undefined) return undefined
    const known = this.#store.facts.find('layer-blocks', key) as Remembered | undefined
    return known && { path: this.#store.blobs.pathOf(known.blob), index: known.index }
  }

  /** Takes the place of what is remembered of the layer's step. */
  put(id: string, compression: LayerCompression, blob: Digest, index: BlockIndex): void {
    const key = this.#keyOf(id, compression)
    if (key !== undefined) this.#store.facts.put('layer-blocks', key, { blob, index } satisfies Remembered)
  }

  #keyOf(id: string, compression: LayerCompression): string | undefined {
    const step = this.#steps.get(id)
    return step && `${step} ${compressionName(compression)}`
  }
}
