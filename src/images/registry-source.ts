import type { ImageStore } from '../../cache/unwritten-store.ts'
import type { Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { Descriptor } from '../../core/image.ts'
import { formatPlatform, type Platform } from '../../core/platform.ts'
import { formatReference, type Reference } from '../../core/reference.ts'
import type { FoundImage } from './image-source.ts'
import type { RegistryHandle } from './registry-handle.ts'

const kind = 'resolved-image'

/** What a tag stands for is asked every time, with one request; a digest never changes. The documents of an image that was resolved before are not
 *  asked for again.
 *  @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_INVALID`, and what registries answer */
export async function resolveInRegistry(
  reference: Reference,
  platform: Platform,
  store: ImageStore,
  registries: RegistryHandle,
  signal: AbortSignal,
): Promise<Descriptor | FoundImage> {
  const root = reference.digest ?? (await findDigest(reference, registries, signal))
  const key = `${root} ${formatPlatform(platform)}`
  const known = store.facts.find(kind, key) as Descriptor | undefined
  if (known !== undefined && (await isStored(store, known.digest))) return known
  const registry = await registries.open()
  const pinned = { ...reference, digest: root }
  const { manifestDocument, configDocument } = await registry.resolve(pinned, platform, { signal })
  store.facts.put(kind, key, manifestDocument.descriptor)
  return {
    descriptor: manifestDocument.descriptor,
    manifest: manifestDocument.bytes,
    config: configDocument.bytes,
    origin: { kind: 'registry', registry: reference.registry, repository: reference.repository },
  }
}

async function findDigest(reference: Reference, registries: RegistryHandle, signal: AbortSignal): Promise<Digest> {
  const registry = await registries.open()
  const found = await registry.find({ ...reference, tag: reference.tag ?? 'latest' }, { signal })
  if (found !== undefined) return found.digest
  throw new BuildError(
    'IMAGE_NOT_FOUND',
    `Cannot find image ${formatReference(reference)}: its registry does not know it`,
    {
      hint: 'Check its name and tag. "stave images" lists the images that are here.',
    },
  )
}

/** The manifest was stored after the config: where it is, both are. */
async function isStored(store: ImageStore, manifest: Digest): Promise<boolean> {
  return (await store.blobs.stat(manifest)) !== undefined
}
