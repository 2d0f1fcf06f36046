import type { Descriptor } from '../../core/image.ts'
import { isIndexType, isManifestType } from './media-type.ts'
import { imageInvalid, parseManifestOrIndex } from './parse-document.ts'
import type { FetchDocument, FetchedDocument } from './resolve-manifest.ts'

/** All that a manifest or an index leads to. */
export interface CollectedBlobs {
  /** Manifests and indexes: each behind what it points at, the root last. */
  readonly documents: readonly FetchedDocument[]
  /** Configs and layers, each once, in the order in which they are first named. */
  readonly blobs: readonly Descriptor[]
}

/** Reads manifests and indexes, no config and no layer.
 *  @throws {BuildError} `IMAGE_INVALID`, and what `fetch` throws */
export async function collectBlobs(root: Descriptor, fetch: FetchDocument): Promise<CollectedBlobs> {
  const documents = new Map<string, FetchedDocument>()
  const blobs = new Map<string, Descriptor>()
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (documents.has(descriptor.digest)) return
    if (depth > 4) throw imageInvalid(root.digest, 'its indexes are more than 4 deep')
    const bytes = await fetch(descriptor)
    const found = parseManifestOrIndex(bytes, descriptor.mediaType, descriptor.digest)
    if (found.kind === 'index') {
      for (const child of found.index.manifests) await visitChild(child, depth + 1)
    } else {
      for (const blob of [found.manifest.config, ...found.manifest.layers]) {
        if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob)
      }
    }
    documents.set(descriptor.digest, { descriptor, bytes })
  }
  /** An index may list anything; what is no image is carried along as it is. */
  const visitChild = async (child: Descriptor, depth: number): Promise<void> => {
    if (isIndexType(child.mediaType) || isManifestType(child.mediaType)) await visit(child, depth)
    else if (!blobs.has(child.digest)) blobs.set(child.digest, child)
  }
  await visit(root, 0)
  return { documents: [...documents.values()], blobs: [...blobs.values()] }
}
