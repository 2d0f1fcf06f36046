import type { Digest } from '../../core/digest.ts'
import type { BlobInfo, BlobStore } from './blob-store.ts'

/** Stores bytes that are in memory.
 *  @throws {BuildError} as `BlobStore.put` */
export async function putBytes(blobs: BlobStore, bytes: Uint8Array, expect?: Digest): Promise<BlobInfo> {
  return blobs.put(chunksOf(bytes), { expect })
}

/** A small blob, whole and verified: a manifest or a config.
 *  @throws {BuildError} as `BlobStore.get` */
export async function readBlob(blobs: BlobStore, digest: Digest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of blobs.get(digest)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
