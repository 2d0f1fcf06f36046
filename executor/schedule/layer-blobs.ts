import { join } from 'node:path'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import type { Tree } from '../../core/layer.ts'
import type { Compression, PackedLayer } from '../diff/pack-layer.ts'
import type { Executor } from '../process/client.ts'
import type { PackFilesCall } from '../process/protocol.ts'
import type { LayerDirectories } from './layer-directories.ts'

/** A layer as an image refers to it. */
export interface LayerBlob {
  readonly diffId: Digest
  readonly blob: Descriptor
}

/** Layers as blobs: what an image consists of. A layer is packed once for each compression, and remembered. */
export class LayerBlobs {
  readonly #store: Store
  readonly #directories: LayerDirectories
  readonly #executor: () => Promise<Executor>
  readonly #signal: AbortSignal
  readonly #packing = new Map<string, Promise<LayerBlob>>()

  constructor(store: Store, directories: LayerDirectories, executor: () => Promise<Executor>, signal: AbortSignal) {
    this.#store = store
    this.#directories = directories
    this.#executor = executor
    this.#signal = signal
  }

  /** The layer at `index` of the tree, packed if need be. A base image's layer stays as that image has it, and is not pulled for this. */
  async ensure(tree: Tree, index: number, compression: Compression): Promise<LayerBlob> {
    const layer = tree[index]
    if (layer === undefined) throw new Error(`the tree has no layer ${index}`)
    if (layer.kind === 'image') return { diffId: layer.diffId, blob: layer.blob }
    const id = `${layer.id}.${compression}`
    const known = this.#packing.get(id)
    if (known !== undefined) return known
    const packing = this.#findOrPack(tree, index, layer.id, compression)
    packing.catch(() => undefined) // started early, awaited later
    this.#packing.set(id, packing)
    return packing
  }

  /** Digest of the layer's content. Packs without keeping the archive if nobody has asked before. */
  async diffIdOf(tree: Tree, index: number): Promise<Digest> {
    const layer = tree[index]
    if (layer === undefined) throw new Error(`the tree has no layer ${index}`)
    if (layer.kind === 'image') return layer.diffId
    const packing = this.#packing.get(`${layer.id}.gzip`)
    if (packing !== undefined) return (await packing).diffId
    const packed = this.#store.facts.find('layer-blob', `${layer.id}.gzip`) as LayerBlob | undefined
    const known = packed?.diffId ?? (this.#store.facts.find('diff-id', layer.id) as Digest | undefined)
    if (known !== undefined) return known
    const { diffId } = await this.#pack(tree, index, undefined, 'none')
    this.#store.facts.put('diff-id', layer.id, diffId)
    return diffId
  }

  /** Carries file actions out as the archive of a new layer, where they allow it. There is no directory of it then.
   *  @returns whether they did */
  async packFiles(id: string, request: Omit<PackFilesCall, 'path' | 'compression'>): Promise<boolean> {
    const [executor, folder] = await Promise.all([this.#executor(), this.#store.lease.makeFolder('pack')])
    const [path, compression] = [join(folder, 'blob'), 'gzip' as const]
    const packed = await executor.call('packFiles', { ...request, path, compression }, { signal: this.#signal })
    if (packed === undefined) return false
    await this.#keep(id, compression, path, packed)
    return true
  }

  async #findOrPack(tree: Tree, index: number, id: string, compression: Compression): Promise<LayerBlob> {
    const known = this.#store.facts.find('layer-blob', `${id}.${compression}`) as LayerBlob | undefined
    if (known !== undefined && (await this.#store.blobs.stat(known.blob.digest)) !== undefined) return known
    const path = join(await this.#store.lease.makeFolder('pack'), 'blob')
    return this.#keep(id, compression, path, await this.#pack(tree, index, path, compression))
  }

  async #keep(id: string, compression: Compression, path: string, packed: PackedLayer): Promise<LayerBlob> {
    await this.#store.blobs.adopt(path, packed.digest, packed.sizeBytes)
    const mediaType = compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayer
    const result = { diffId: packed.diffId, blob: { mediaType, digest: packed.digest, size: packed.sizeBytes } }
    this.#store.facts.put('layer-blob', `${id}.${compression}`, result)
    return result
  }

  async #pack(tree: Tree, index: number, path: string | undefined, compression: Compression) {
    const layer = tree[index]
    const standsAlone = layer?.kind === 'step' && layer.base === 'empty'
    const paths = await this.#directories.ensure(tree.slice(0, index + 1))
    const folder = paths[index]
    if (folder === undefined) throw new Error(`layer ${index} has no directory`)
    const executor = await this.#executor()
    const lower = standsAlone ? [] : paths.slice(0, index)
    return executor.call('pack', { folder, lower, path, compression }, { signal: this.#signal })
  }
}
