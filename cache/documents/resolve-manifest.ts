import type { Descriptor, ImageFile, Manifest } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'
import { chooseManifest } from './choose-manifest.ts'
import { imageInvalid, parseImageFile, parseManifestOrIndex } from './parse-document.ts'

/** A document with the descriptor that led to it. */
export interface FetchedDocument {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** An image for one platform, as it was found. Its documents are checked; their bytes are what to store. */
export interface ResolvedImage {
  readonly manifest: Manifest
  readonly manifestDocument: FetchedDocument
  readonly imageFile: ImageFile
  readonly configDocument: FetchedDocument
  /** What was found first: an index, or the manifest itself. */
  readonly root: FetchedDocument
}

/** Gives a document whose size and digest are those of its descriptor. */
export type FetchDocument = (descriptor: Descriptor) => Promise<Uint8Array>

/** Real indexes are one deep, or two where a layout lists an index. */
const deepestIndex = 4

/** Follows indexes to the manifest for the platform, then to its config.
 *  @throws {BuildError} `IMAGE_INVALID`, `PLATFORM_NOT_FOUND`, and what `fetch` throws */
export async function resolveImage(
  root: FetchedDocument,
  platform: Platform,
  fetch: FetchDocument,
  what: string,
): Promise<ResolvedImage> {
  let document = root
  for (let depth = 0; depth < deepestIndex; depth++) {
    const found = parseManifestOrIndex(document.bytes, document.descriptor.mediaType, what)
    if (found.kind === 'manifest') {
      const { manifest } = found
      const configDocument = { descriptor: manifest.config, bytes: await fetch(manifest.config) }
      const imageFile = parseImageFile(configDocument.bytes, `the config of ${what}`)
      const told = imageFile.rootfs.diff_ids.length
      if (told !== manifest.layers.length) {
        throw imageInvalid(what, `its config tells of ${told} layers, its manifest of ${manifest.layers.length}`)
      }
      return { manifest, manifestDocument: document, imageFile, configDocument, root }
    }
    const descriptor = chooseManifest(found.index, platform, what)
    document = { descriptor, bytes: await fetch(descriptor) }
  }
  throw imageInvalid(what, `its indexes are more than ${deepestIndex} deep`)
}
