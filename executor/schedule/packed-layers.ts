import { existsSync } from 'node:fs'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import type { Descriptor } from '../../core/image.ts'
import { compressionName, type LayerCompression } from '../../core/layer-compression.ts'

/** A layer as an image refers to it. */
export interface LayerBlob {
  readonly diffId: Digest
  readonly blob: Descriptor
}

/** Remembers the archives that layers were packed as, one for each compression, by the layers' names. */
export class PackedLayers {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** The archive of this compression, if it is in the store. */
  find(name: string, compression: LayerCompression): LayerBlob | undefined {
    const packed = this.#all(name)[compressionName(compression)]
    return packed !== undefined && this.#isHere(packed) ? packed : undefined
  }

  /** Any that is in the store. */
  findAny(name: string): LayerBlob | undefined {
    return Object.values(this.#all(name)).find((packed) => this.#isHere(packed))
  }

  /** Digest of the layer's content, if it was ever packed. */
  findDiffId(name: string): Digest | undefined {
    return Object.values(this.#all(name))[0]?.diffId
  }

  /** Of two processes that put at the same time one may be forgotten: a layer is then packed once more. */
  put(name: string, compression: LayerCompression, packed: LayerBlob): void {
    this.#store.facts.put('layer-blobs', name, { ...this.#all(name), [compressionName(compression)]: packed })
  }

  #all(name: string): Readonly<Record<string, LayerBlob>> {
    return (this.#store.facts.find('layer-blobs', name) ?? {}) as Readonly<Record<string, LayerBlob>>
  }

  #isHere({ blob }: LayerBlob): boolean {
    return existsSync(this.#store.blobs.pathOf(blob.digest))
  }
}
