import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { layerName, type Layer, type Tree } from '../../core/layer.ts'
import type { Executor } from '../process/client.ts'
import { findNote, revisedFiles } from '../diff/revision-note.ts'
import type { EarlierCopy, ImageArchive, RebaseCall, UnpackCall, UnpackedLayer } from '../process/protocol.ts'
import type { StoredArchive } from '../unpack/unpack-layer.ts'
import { PackedLayers, type LayerBlob } from './packed-layers.ts'

export type ImageLayer = Extract<Layer, { kind: 'image' }>

/** An archive, and the layer whose image it is in. */
export interface ArchiveLeft extends ImageArchive {
  readonly layer: string
}

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
  /** By the layer's name. */
  readonly #places = new Map<string, Promise<string>>()
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

  /** Where an image of that layer lies, or will lie, instead. */
  imageOfStep(id: string): string {
    return imageOf(this.pathOfStep(id))
  }

  /** Where a revision of an earlier image lies, or will lie, instead. */
  revisionOfStep(id: string): string {
    return revisionOf(this.pathOfStep(id))
  }

  /** The archive that the step has left instead of its layer's folder, if it has. */
  findArchive(id: string): ArchiveLeft | undefined {
    const image = this.imageOfStep(id)
    if (existsSync(image)) return { layer: id, image, revision: undefined }
    const revision = this.revisionOfStep(id)
    const note = findNote(revision)
    return note && { layer: note.of, image: this.imageOfStep(note.of), revision }
  }

  /** The image of an earlier step's layer, which is present, and its files. */
  async ensureEarlier(id: string): Promise<EarlierCopy> {
    const layer: Layer = { kind: 'step', id, base: 'below', createdAtMs: 0 }
    return { name: id, image: this.imageOfStep(id), files: await this.#placeOf(layer) }
  }

  /** Whether every layer can be had without carrying a step out again. */
  isComplete(tree: Tree): boolean {
    return tree.every(
      (layer) => layer.kind === 'image' || this.#isPresent(layer.id) || this.#packed.findAny(layer.id) !== undefined,
    )
  }

  /** Absolute paths of the tree's layers, lowest first, all present: as the executor sees them, where images are mounted.
   *  @throws {BuildError} when a layer cannot be pulled or unpacked */
  async ensure(tree: Tree): Promise<readonly string[]> {
    const unpacked = await Promise.all(
      tree.map(async (layer) => (layer.kind === 'image' ? this.#ensureUnpacked(layer) : this.#ensureStep(layer.id))),
    )
    const places = tree.map((layer, index) => {
      const fits = fitsAnywhere(unpacked[index] ?? independent, index)
      return fits ? this.#placesOf(layer) : this.#ensureFolder(layer).then((folder) => [folder])
    })
    const paths: string[] = []
    for (const [index, layer] of (await Promise.all(places)).entries()) {
      const found = unpacked[index] ?? independent
      if (fitsAnywhere(found, index)) paths.push(...layer)
      else for (const path of layer) paths.push(await this.#ensureRebased(path, [...paths], found))
    }
    return paths
  }

  /** A step that only copied has left an archive, and nothing else until somebody needs its files. */
  async #ensureStep(id: string): Promise<UnpackedLayer> {
    const layer = this.pathOfStep(id)
    if (this.#isPresent(id)) return independent
    const known = this.#unpacked.get(id)
    if (known !== undefined) return known
    const packed = this.#packed.findAny(id)
    if (packed === undefined) throw new Error(`step ${id} has left no layer`)
    const unpacking = this.#callUnpack({
      archive: this.#archiveOf(packed),
      diffId: packed.diffId,
      layer,
      image: imageOf(layer),
    })
    this.#unpacked.set(id, unpacking)
    return unpacking
  }

  /** What shows a layer's files when it is put together: one folder, or several for a revision, the lowest first. */
  async #placesOf(layer: Layer): Promise<readonly string[]> {
    if (layer.kind === 'image') return [await this.#placeOf(layer)]
    const revision = this.revisionOfStep(layer.id)
    const note = findNote(revision)
    if (note === undefined) return [await this.#placeOf(layer)]
    return [await this.#placeOf({ ...layer, id: note.of }), revisedFiles(revision)]
  }

  #isPresent(name: string): boolean {
    const folder = join(this.#store.layersFolder, name)
    if (existsSync(folder) || existsSync(imageOf(folder))) return true
    const note = findNote(revisionOf(folder))
    return note !== undefined && existsSync(this.imageOfStep(note.of))
  }

  /** Where a layer's files are seen: its folder, or where its image is mounted. */
  #placeOf(layer: Layer): Promise<string> {
    const name = layerName(layer)
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const folder = join(this.#store.layersFolder, name)
    const place = existsSync(folder) ? Promise.resolve(folder) : this.#mountImage(layer)
    this.#places.set(name, place)
    return place
  }

  async #mountImage(layer: Layer): Promise<string> {
    const image = imageOf(join(this.#store.layersFolder, layerName(layer)))
    const [executor, folder] = await Promise.all([this.#executor(), this.#store.lease.makeFolder('image')])
    const target = join(folder, 'files')
    if (await executor.call('mountImage', { image, target }, { signal: this.#signal })) return target
    return this.#ensureFolder(layer)
  }

  /** For what has to be a folder. */
  async #ensureFolder(of: Layer): Promise<string> {
    const layer = join(this.#store.layersFolder, layerName(of))
    if (existsSync(layer)) return layer
    if (of.kind === 'image') {
      await this.#fetchBlob(of)
      await this.#callUnpack({ archive: this.#archiveOf(of), diffId: of.diffId, layer })
    } else {
      const diffId = this.#store.facts.find('diff-id', of.id) as Digest
      await this.#callUnpack({ archive: { kind: 'image', path: imageOf(layer) }, diffId, layer })
    }
    return layer
  }

  #archiveOf({ blob }: LayerBlob): StoredArchive {
    return { kind: 'blob', path: this.#store.blobs.pathOf(blob.digest) }
  }

  async #callUnpack(request: Omit<UnpackCall, 'scratch'>): Promise<UnpackedLayer> {
    const executor = await this.#executor()
    const scratch = this.#store.lease.newPath('unpack')
    return executor.call('unpack', { ...request, scratch }, { signal: this.#signal })
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
    const done = this.#findUnpacked(layer)
    if (done !== undefined) return done
    await using _lock = await this.#store.lock(`unpack ${layer.diffId}`, this.#signal)
    const doneMeanwhile = this.#findUnpacked(layer)
    if (doneMeanwhile !== undefined) return doneMeanwhile
    await this.#fetchBlob(layer)
    // Without its fact a layer is one whose unpacking was cut off right at its end.
    for (const left of [path, imageOf(path)].filter((candidate) => existsSync(candidate)))
      await rename(left, join(await this.#store.lease.makeFolder('stale'), 'layer'))
    const archive = this.#archiveOf(layer)
    const unpacked = await this.#callUnpack({ archive, diffId: layer.diffId, layer: path, image: imageOf(path) })
    this.#store.facts.put('unpacked', layerName(layer), unpacked)
    return unpacked
  }

  #findUnpacked(layer: ImageLayer): UnpackedLayer | undefined {
    const fact = this.#store.facts.find('unpacked', layerName(layer)) as Partial<UnpackedLayer> | undefined
    return fact !== undefined && this.#isPresent(layerName(layer)) ? { ...independent, ...fact } : undefined
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
    const executor = await this.#executor()
    const scratch = this.#store.lease.newPath('rebase')
    await executor.call('rebase', { ...request, scratch }, { signal: this.#signal })
  }
}

/** A layer is a folder or, beside where that would be, an image, or a revision of the image of another layer. */
function imageOf(folder: string): string {
  return `${folder}.erofs`
}

function revisionOf(folder: string): string {
  return `${folder}.revision`
}

const independent: UnpackedLayer = { impliedDirectories: [], lowerLinks: [] }

/** At the bottom there is nothing that a directory could depend on; a link is one to nothing there, which has to be told. */
function fitsAnywhere({ impliedDirectories, lowerLinks }: UnpackedLayer, index: number): boolean {
  return lowerLinks.length === 0 && (impliedDirectories.length === 0 || index === 0)
}
