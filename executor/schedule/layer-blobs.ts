import { layerTypeIn } from '../../cache/image/index.ts'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { layerName, type Layer, type Tree } from '../../core/layer.ts'
import { compressionName, layerTypes, usualCompression, type LayerCompression } from '../../core/layer-compression.ts'
import type { PackedLayer } from '../diff/pack-layer.ts'
import type { FilesSource } from '../ops/files.ts'
import type { Executor } from '../process/client.ts'
import type { ImageArchive, PackedFiles, PackFilesCall } from '../process/protocol.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import type { FetchBlob, ImageLayer, LayerDirectories } from './layer-directories.ts'
import { FormerLayers } from './former-layers.ts'
import { PackedLayers, type LayerBlob } from './packed-layers.ts'
import { packHere, type PackHere } from './small-copies.ts'

export interface LayerBlobsParts {
  readonly store: Store
  readonly directories: LayerDirectories
  readonly executor: () => Promise<Executor>
  readonly fetchBlob: FetchBlob
  readonly signal: AbortSignal
}

/** Layers as blobs: what an image consists of. A layer is packed once for each compression, and remembered. */
export class LayerBlobs {
  readonly #parts: LayerBlobsParts
  readonly #packed: PackedLayers
  readonly #former: FormerLayers
  readonly #packing = new Map<string, Promise<LayerBlob>>()
  /** By the ids of layers. */
  readonly #digests = new Map<string, Promise<Digest>>()

  constructor(parts: LayerBlobsParts) {
    this.#parts = parts
    this.#packed = new PackedLayers(parts.store)
    this.#former = new FormerLayers(parts.store)
  }

  /** To be told before the layer of a step is packed: by the step's name, what an earlier build has packed at it is found.
   *  @param step what the step is called from build to build */
  noteStep(id: string, step: string): void {
    this.#former.noteStep(id, step)
  }

  /** The layer at `index` of the tree, packed if need be. A base image's layer stays as that image has it, and is not pulled for this.
   *  @throws {BuildError} what packing throws */
  async ensure(tree: Tree, index: number, compression: LayerCompression): Promise<LayerBlob> {
    const layer = layerAt(tree, index)
    if (layer.kind === 'image') return { diffId: layer.diffId, blob: layer.blob }
    return this.#once(layer, compression, () => this.#pack(tree, index, compression))
  }

  /** As `ensure()`, but a base image's layer that is compressed in another way is pulled, and compressed anew.
   *  @throws {BuildError} what pulling and packing throw */
  async ensureForced(tree: Tree, index: number, compression: LayerCompression): Promise<LayerBlob> {
    const layer = layerAt(tree, index)
    const isFitting =
      layer.kind === 'image' && layerTypeIn('oci', layer.blob.mediaType) === layerTypes[compression.type]
    if (layer.kind === 'step' || isFitting) return this.ensure(tree, index, compression)
    return this.#once(layer, compression, () => this.#packImageLayer(layer, compression))
  }

  /** Digest of the layer's content. Packs without keeping the archive if nobody has asked before. */
  async diffIdOf(tree: Tree, index: number): Promise<Digest> {
    const layer = layerAt(tree, index)
    if (layer.kind === 'image') return layer.diffId
    const { store, directories } = this.#parts
    const known = this.#packed.findDiffId(layer.id) ?? (store.facts.find('diff-id', layer.id) as Digest | undefined)
    if (known !== undefined) return known
    const archive = directories.findArchive(layer.id)
    if (archive !== undefined) return this.#digestImage(layer.id, archive)
    const packing = [...this.#packing].find(([name]) => name.startsWith(`${layer.id}.`))?.[1]
    if (packing !== undefined) return (await packing).diffId
    const { diffId } = await this.#packLayer(tree, index, undefined, usualCompression)
    store.facts.put('diff-id', layer.id, diffId)
    return diffId
  }

  /** Carries file actions out as the archive of a new layer, where they allow it. There is no directory of it then.
   *  @returns `undefined` where they do not */
  async packFiles(id: string, request: Omit<PackFilesCall, 'path' | 'former'>): Promise<PackedFiles | undefined> {
    const { executor, signal } = this.#parts
    const path = this.#newPath()
    const call = { ...request, path, former: this.#former.find(id, request.compression) }
    const files = await (await executor()).call('packFiles', call, { signal })
    if (files !== undefined) await this.#keep(id, request.compression, path, files.packed)
    return files
  }

  /** The same in this process.
   *  @param sources what they copy
   *  @param lower what is known of the tree below
   *  @returns whether that was enough */
  async packFilesHere(
    id: string,
    request: Omit<PackHere, 'path' | 'former'>,
    sources: readonly FilesSource[],
    lower: TreeReader,
  ): Promise<boolean> {
    const path = this.#newPath()
    const call = { ...request, path, former: this.#former.find(id, request.compression) }
    const packed = await packHere(call, sources, lower)
    if (packed === undefined) return false
    await this.#keep(id, request.compression, path, packed)
    return true
  }

  /** @param pack called when the layer was never packed so */
  async #once(layer: Layer, compression: LayerCompression, pack: () => Promise<LayerBlob>): Promise<LayerBlob> {
    const name = `${layerName(layer)}.${compressionName(compression)}`
    const known = this.#packing.get(name)
    if (known !== undefined) return known
    const found = this.#packed.find(layerName(layer), compression)
    const packing = found === undefined ? pack() : Promise.resolve(found)
    packing.catch(() => undefined) // started early, awaited later
    this.#packing.set(name, packing)
    return packing
  }

  /** From another archive of it, if there is one: then nothing below it is needed. */
  async #pack(tree: Tree, index: number, compression: LayerCompression): Promise<LayerBlob> {
    const name = layerName(layerAt(tree, index))
    const other = this.#packed.findAny(name)
    if (other !== undefined) return this.#recompress(name, other, compression)
    const path = this.#newPath()
    return this.#keep(name, compression, path, await this.#packLayer(tree, index, path, compression))
  }

  async #packImageLayer(layer: ImageLayer, compression: LayerCompression): Promise<LayerBlob> {
    await this.#parts.fetchBlob(layer)
    return this.#recompress(layerName(layer), layer, compression)
  }

  async #recompress(name: string, from: LayerBlob, compression: LayerCompression): Promise<LayerBlob> {
    const { store, executor, signal } = this.#parts
    const [process, path] = [await executor(), this.#newPath()]
    const blob = store.blobs.pathOf(from.blob.digest)
    const former = this.#former.find(name, compression)
    const request = { blob, diffId: from.diffId, path, compression, former }
    return this.#keep(name, compression, path, await process.call('recompress', request, { signal }))
  }

  async #keep(name: string, compression: LayerCompression, path: string, packed: PackedLayer): Promise<LayerBlob> {
    const { diffId, digest, sizeBytes, index } = packed
    await this.#parts.store.blobs.adopt(path, digest, sizeBytes)
    const result = { diffId, blob: { mediaType: layerTypes[compression.type], digest, size: sizeBytes } }
    this.#packed.put(name, compression, result)
    if (index !== undefined) this.#former.put(name, compression, digest, index)
    return result
  }

  async #packLayer(
    tree: Tree,
    index: number,
    path: string | undefined,
    compression: LayerCompression,
  ): Promise<PackedLayer> {
    const { directories, executor, signal } = this.#parts
    const layer = layerAt(tree, index)
    const how = { path, compression, former: this.#former.find(layerName(layer), compression) }
    const archive = layer.kind === 'step' ? directories.findArchive(layer.id) : undefined
    if (archive !== undefined) {
      const [process, diffId] = [await executor(), this.diffIdOf(tree, index)]
      diffId.catch(() => undefined) // awaited below
      const { image, revision } = archive
      const earlier = revision === undefined ? undefined : this.#former.findOwn(archive.layer, compression)
      const packed = await process.call('packImage', { image, revision, packed: earlier, ...how }, { signal })
      if (revision === undefined && packed.index !== undefined)
        this.#former.putOwn(archive.layer, compression, packed.digest, packed.index)
      return { diffId: await diffId, ...packed }
    }
    const standsAlone = layer.kind === 'step' && layer.base === 'empty'
    const [lower, paths] = await Promise.all([
      standsAlone ? [] : directories.ensure(tree.slice(0, index)),
      directories.ensure(tree.slice(0, index + 1)),
    ])
    const folder = paths.at(-1)
    if (folder === undefined) throw new Error(`layer ${index} has no directory`)
    return (await executor()).call('pack', { folder, lower, ...how }, { signal })
  }

  /** Beside whatever packs it: a step above may want to know as soon as it can. */
  #digestImage(id: string, { image, revision }: ImageArchive): Promise<Digest> {
    const { store, executor, signal } = this.#parts
    const known = this.#digests.get(id)
    if (known !== undefined) return known
    const digesting = executor().then(async (process) => {
      const diffId = await process.call('digestImage', { image, revision }, { signal })
      store.facts.put('diff-id', id, diffId)
      return diffId
    })
    this.#digests.set(id, digesting)
    return digesting
  }

  #newPath(): string {
    return this.#parts.store.lease.newPath('blob')
  }
}

function layerAt(tree: Tree, index: number): Layer {
  const layer = tree[index]
  if (layer === undefined) throw new Error(`the tree has no layer ${index}`)
  return layer
}
