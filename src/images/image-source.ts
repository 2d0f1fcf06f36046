import type { Descriptor } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'

/** A place that an image can be had from. */
export interface ImageSource {
  /** Finds the image of one platform.
   *  @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, and what the place answers */
  resolve(platform: Platform): Promise<FoundImage>
}

/** The documents of one image, as bytes that have the digests they should have. */
export interface FoundImage {
  readonly descriptor: Descriptor
  readonly manifest: Uint8Array
  readonly config: Uint8Array
  /** Where its blobs are, in a form that outlives the build. */
  readonly origin: BlobOrigin
}

export type BlobOrigin =
  | { readonly kind: 'layout'; readonly path: string }
  | { readonly kind: 'registry'; readonly registry: string; readonly repository: string }
