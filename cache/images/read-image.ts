import { digestOf } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { Descriptor, ImageFile, ImageIndex, Manifest } from '../../core/image.ts'
import type { BlobFiles } from '../blobs/index.ts'
import { isIndexType } from '../documents/media-type.ts'
import {
  normaliseImageFile,
  normaliseIndex,
  normaliseManifest,
  type RawImageFile,
  type RawIndex,
  type RawManifest,
} from '../documents/normalise.ts'

type ReadableBlobs = Pick<BlobFiles, 'readSync' | 'pathOf'>

export interface StoredImage {
  readonly manifest: Manifest
  readonly imageFile: ImageFile
}

/** The manifest and the config that the store has. Their shape was checked when they came in, and their digests are checked again.
 *  @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, `IMAGE_INVALID` */
export function readImage(blobs: ReadableBlobs, descriptor: Descriptor): StoredImage {
  if (isIndexType(descriptor.mediaType)) throw new Error('readImage() reads manifests; an index is read by readIndex()')
  const manifest = normaliseManifest(readDocument(blobs, descriptor) as RawManifest)
  return { manifest, imageFile: normaliseImageFile(readDocument(blobs, manifest.config) as RawImageFile) }
}

/** @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, `IMAGE_INVALID` */
export function readIndex(blobs: ReadableBlobs, descriptor: Descriptor): ImageIndex {
  return normaliseIndex(readDocument(blobs, descriptor) as RawIndex)
}

function readDocument(blobs: ReadableBlobs, { digest }: Descriptor): unknown {
  const bytes = blobs.readSync(digest)
  if (bytes === undefined) {
    throw new BuildError('BLOB_NOT_FOUND', `Cannot read the image: the store has no blob ${digest}`, {
      hint: 'It may have been pruned. Building or pulling the image again brings it back.',
    })
  }
  const found = digestOf(bytes)
  if (found !== digest) {
    throw new BuildError('DIGEST_MISMATCH', `Cannot read the image: ${blobs.pathOf(digest)} is damaged`, {
      hint: 'Remove that file, then build or pull the image again.',
    })
  }
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (error) {
    throw new BuildError('IMAGE_INVALID', `Cannot read the image: blob ${digest} is no JSON`, { cause: error })
  }
}
