import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '../../cache/store.ts'
import { layerName, type Layer, type Tree } from '../../core/layer.ts'
import type { Executor } from '../process/client.ts'
import type { RebaseCall, UnpackedLayer } from '../process/protocol.ts'
import { PackedLayers } from './packed-layers.ts'

export type ImageLayer = Extract<Layer, { kind: 'image' }>

/** Makes sure that the layer's blob is in the store. */
export type FetchBlob = (layer: ImageLayer) => Promise<void>

/** Layers as directories, each made when somebody first needs it: pulled if it is not here, unpacked once, all layers of a tree at the same time. */
export class LayerDirectories {
  readonly #store: Store
  readonly #executor: () => Promise<Executor>
  readonly #fetchBlob: FetchBlob
  readonly #signal: AbortSignal
  readonly #packed: PackedLayers
  readonly #unpacked = new Map<string, Promise<UnpackedLayer>>()
  readonly #rebased = new Map<string, Promise<void>>()

  constructor(store: Store, executor: () => Promise<Executor>, fetchBlob: FetchBlob, signal: AbortSignal) {
    this.#store = store
    this.#executor = executor
    this.#fetchBlob = fetchBlob
    this.#signal = signal
    this.#packed = new PackedLayers(store)
  }

  /** Where the layer of a step that was carried out lies, or will lie. */
  pathOfStep(id: string): string {
    return join(this.#store.layersFolder, id)
  }

  /** Whether every layer can be had without carrying a step out again. */
  isComplete(tree: Tree): boolean {
    return tree.every(
      (layer) =>
        layer.kind === 'image' || existsSync(this.pathOfStep(layer.id)) || this.#packed.findAny(layer.id) !== undefined,
    )
  }

  /** Absolute paths of the tree's layers, lowest first, all present.
   *  @throws {BuildError} when a layer cannot be pulled or unpacked */
  async ensure(tree: Tree): Promise<readonly string[]> {
    const unpacked = await Promise.all(
      tree.map(async (layer) => (layer.kind === 'image' ? this.#ensureUnpacked(layer) : this.#ensureStep(layer.id))),
    )
    const paths: string[] = []
    for (const [index, layer] of tree.entries()) {
      const found = unpacked[index] ?? independent
      const path = join(this.#store.layersFolder, layerName(layer))
      paths.push(fitsAnywhere(found, index) ? path : await this.#ensureRebased(path, [...paths], found))
    }
    return paths
  }

  /** A step that only copied has left an archive, and no directory until somebody needs one. */
  async #ensureStep(id: string): Promise<UnpackedLayer> {
    const layer = this.pathOfStep(id)
    if (existsSync(layer)) return independent
    const known = this.#unpacked.get(id)
    if (known !== undefined) return known
    const packed = this.#packed.findAny(id)
    if (packed === undefined) throw new Error(`step ${id} has left no layer`)
    const unpacking = Promise.all([this.#executor(), this.#store.lease.makeFolder('unpack')]).then(
      async ([executor, scratch]) => {
        const request = { blob: this.#store.blobs.pathOf(packed.blob.digest), diffId: packed.diffId, layer, scratch }
        await executor.call('unpack', request, { signal: this.#signal })
        return independent
      },
    )
    this.#unpacked.set(id, unpacking)
    return unpacking
  }

  #ensureUnpacked(layer: ImageLayer): Promise<UnpackedLayer> {
    const known = this.#unpacked.get(layer.diffId)
    if (known !== undefined) return known
    const unpacking = this.#unpack(layer)
    this.#unpacked.set(layer.diffId, unpacking)
    return unpacking
  }

  async #unpack(layer: ImageLayer): Promise<UnpackedLayer> {
    const path = join(this.#store.layersFolder, layerName(layer))
    const done = this.#findUnpacked(layer, path)
    if (done !== undefined) return done
    await using _lock = await this.#store.lock(`unpack ${layer.diffId}`, this.#signal)
    const doneMeanwhile = this.#findUnpacked(layer, path)
    if (doneMeanwhile !== undefined) return doneMeanwhile
    const [executor, scratch] = await Promise.all([
      this.#executor(),
      this.#store.lease.makeFolder('unpack'),
      this.#fetchBlob(layer),
    ])
    // Without its fact a directory is one whose unpacking was cut off right at its end.
    if (existsSync(path)) await rename(path, await this.#store.lease.makeFolder('stale'))
    const blob = this.#store.blobs.pathOf(layer.blob.digest)
    const unpacked = await executor.call(
      'unpack',
      { blob, diffId: layer.diffId, layer: path, scratch },
      { signal: this.#signal },
    )
    this.#store.facts.put('unpacked', layerName(layer), unpacked)
    return unpacked
  }

  #findUnpacked(layer: ImageLayer, path: string): UnpackedLayer | undefined {
    const fact = this.#store.facts.find('unpacked', layerName(layer)) as Partial<UnpackedLayer> | undefined
    return fact !== undefined && existsSync(path) ? { ...independent, ...fact } : undefined
  }

  async #ensureRebased(from: string, lower: readonly string[], unpacked: UnpackedLayer): Promise<string> {
    const chain = createHash('sha256')
      .update([...lower, from].join('\n'))
      .digest('hex')
    const layer = join(this.#store.layersFolder, `rebased-${chain}`)
    if (existsSync(layer)) return layer
    const known = this.#rebased.get(layer)
    const rebasing = known ?? this.#rebase({ from, lower, unpacked, layer })
    this.#rebased.set(layer, rebasing)
    await rebasing
    return layer
  }

  async #rebase(request: Omit<RebaseCall, 'scratch'>): Promise<void> {
    const [executor, scratch] = await Promise.all([this.#executor(), this.#store.lease.makeFolder('rebase')])
    await executor.call('rebase', { ...request, scratch }, { signal: this.#signal })
  }
}

const independent: UnpackedLayer = { impliedDirectories: [], lowerLinks: [] }

/** At the bottom there is nothing that a directory could depend on; a link is one to nothing there, which has to be told. */
function fitsAnywhere({ impliedDirectories, lowerLinks }: UnpackedLayer, index: number): boolean {
  return lowerLinks.length === 0 && (impliedDirectories.length === 0 || index === 0)
}
