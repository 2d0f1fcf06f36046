import { readImage, readIndex } from '../../cache/images/index.ts'
import type { ImageStore } from '../../cache/unwritten-store.ts'
import type { Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import type { Tree } from '../../core/layer.ts'
import { findBestPlatform, formatPlatform, normalisePlatform, type Platform } from '../../core/platform.ts'
import { formatReference, parseReference, type Reference } from '../../core/reference.ts'
import type { ImageAnswer, ImageQuestion, PlanOptions } from '../../frontend/index.ts'
import type { Settings } from '../config/settings.ts'
import type { Tasks } from '../tasks.ts'
import { asStream } from '../as-stream.ts'
import { BlobOrigins } from './blob-origins.ts'
import type { FoundImage } from './image-source.ts'
import { parseContext, type NamedContext } from './named-context.ts'
import type { RegistryHandle } from './registry-handle.ts'
import { repairHistory } from './repair-history.ts'

export interface ImageSourcesOptions {
  readonly store: ImageStore
  readonly settings: Settings
  readonly registries: RegistryHandle
  readonly signal: AbortSignal
  readonly tasks: Tasks
}

/** Finds the images that a Dockerfile names: in a context given for the name, in the local store, in a registry. Their documents are kept in the
 *  store; their layers stay where they are until something needs them. */
export class ImageSources {
  readonly #options: ImageSourcesOptions
  /** What `--build-context` gives names to. */
  readonly contexts: ReadonlyMap<string, NamedContext>
  readonly #origins: BlobOrigins

  constructor(options: ImageSourcesOptions) {
    this.#options = options
    this.contexts = new Map(
      [...options.settings.buildContexts].map(([name, value]) => [name, parseContext(name, value)]),
    )
    this.#origins = new BlobOrigins(options)
  }

  /** Named contexts as the frontend wants to know them. */
  get namedContexts(): PlanOptions['namedContexts'] {
    return new Map([...this.contexts].map(([name, context]) => [name, kindOf(context)]))
  }

  /** @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_INVALID`, and what layouts and registries answer */
  async answer({ reference, platform }: ImageQuestion): Promise<ImageAnswer> {
    const descriptor = await this.#find(reference, platform)
    const { manifest, imageFile } = readImage(this.#options.store.blobs, descriptor)
    if (manifest.layers.length !== imageFile.rootfs.diff_ids.length) {
      throw new BuildError(
        'IMAGE_INVALID',
        `Cannot use image ${reference}: its manifest and its config disagree on the number of layers`,
      )
    }
    const { os, architecture, variant } = imageFile
    return {
      kind: 'image',
      digest: descriptor.digest,
      platform: normalisePlatform({ os, architecture, variant, osVersion: imageFile['os.version'] }),
      file: repairHistory(imageFile),
    }
  }

  /** The layers of an image that was answered for. */
  treeOf(digest: Digest): Tree {
    const size = this.#options.store.blobs.readSync(digest)?.length ?? 0
    const { manifest, imageFile } = readImage(this.#options.store.blobs, {
      mediaType: mediaTypes.ociManifest,
      digest,
      size,
    })
    return manifest.layers.map((blob, index) => {
      const diffId = imageFile.rootfs.diff_ids[index]
      if (diffId === undefined) throw new Error('answer() checks that each layer has a diff ID')
      return { kind: 'image', diffId, blob }
    })
  }

  /** Makes sure that a layer's blob is in the store. */
  async fetchBlob(blob: Descriptor): Promise<void> {
    await this.#origins.fetch(blob)
  }

  /** Repositories of the registry that are known to have the blob. */
  repositoriesOf(digest: Digest, registry: string): readonly string[] {
    return this.#origins.repositoriesOf(digest, registry)
  }

  async #find(name: string, platform: Platform): Promise<Descriptor> {
    const context = this.contexts.get(name)
    if (context?.kind === 'oci-layout') {
      const { resolveInLayout } = await import('./layout-source.ts')
      return this.#keep(await resolveInLayout(context, platform))
    }
    const reference = parseReference(context?.kind === 'image' ? context.reference : name)
    const { pull } = this.#options.settings
    const local = pull && reference.digest === undefined ? undefined : this.#findInStore(reference, platform)
    if (local !== undefined) return local
    const { resolveInRegistry } = await import('./registry-source.ts')
    const { store, registries, signal } = this.#options
    const found = await resolveInRegistry(reference, platform, store, registries, signal)
    return 'origin' in found ? this.#keep(found) : found
  }

  #findInStore(reference: Reference, platform: Platform): Descriptor | undefined {
    const { store } = this.#options
    const name = formatReference(
      reference.digest === undefined ? { ...reference, tag: reference.tag ?? 'latest' } : reference,
    )
    const named = store.images.find(name)
    if (named === undefined) return undefined
    const { descriptor } = named
    if (descriptor.mediaType !== mediaTypes.ociIndex && descriptor.mediaType !== mediaTypes.dockerManifestList)
      return descriptor
    const offers = readIndex(store.blobs, descriptor).manifests.flatMap((offer) =>
      offer.platform === undefined
        ? []
        : [{ offer, platform: { ...offer.platform, osVersion: offer.platform['os.version'] } }],
    )
    const best = findBestPlatform(offers, platform)
    if (best !== undefined) return best.offer
    throw new BuildError(
      'PLATFORM_NOT_FOUND',
      `Cannot use local image ${name}: it has no variant for ${formatPlatform(platform)}`,
    )
  }

  async #keep({ descriptor, manifest, config, origin }: FoundImage): Promise<Descriptor> {
    const { store } = this.#options
    for (const bytes of [config, manifest]) await store.blobs.put(asStream(bytes))
    for (const { digest } of readImage(store.blobs, descriptor).manifest.layers) this.#origins.remember(digest, origin)
    return descriptor
  }
}

function kindOf({ kind }: NamedContext): 'files' | 'image' | 'scratch' {
  if (kind === 'scratch') return kind
  return kind === 'image' || kind === 'oci-layout' ? 'image' : 'files'
}
