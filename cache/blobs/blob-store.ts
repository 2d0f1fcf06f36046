import type { Digest } from '../../core/digest.ts'

/** Immutable bytes, addressed by their own content. Safe to share between processes. */
export interface BlobStore {
  /** Stores a stream, one chunk in memory at a time. Idempotent: resolving means "present", not "this call wrote it". A stream
   *  whose expected content is present already is not read.
   *  @throws {BuildError} `DIGEST_MISMATCH` if `expect` is given and differs, `DISK_FULL`; nothing is kept then. */
  put(bytes: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<BlobInfo>
  /** Streams and verifies, but for what came in through this very object: trust the bytes once the loop has ended.
   *  @throws {BuildError} `BLOB_NOT_FOUND` at the start, `DIGEST_MISMATCH` at the end. */
  get(digest: Digest, options?: ReadOptions): AsyncIterable<Uint8Array>
  /** Reads no content; `undefined` means absent. */
  stat(digest: Digest): Promise<BlobInfo | undefined>
  /** Idempotent: resolving means "absent". */
  delete(digest: Digest): Promise<void>
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  /** All chunks are in the same memory, and each holds until the next one is asked for: for large blobs, of which every chunk would have to be collected. */
  readonly reuseMemory?: boolean | undefined
}

export interface PutOptions {
  readonly expect?: Digest | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BlobInfo {
  readonly digest: Digest
  readonly sizeBytes: number
}

/** A blob store whose blobs are files, which other processes and system calls can read in place. */
export interface BlobFiles extends BlobStore {
  /** Absolute path of the file that holds the blob, whether or not it is there. */
  pathOf(digest: Digest): string
  /** Takes over a file that our own build has written and hashed: on the store's file system, such as below a lease. It is moved, not read.
   *  Idempotent as `put` is: where the blob is present, the file is removed.
   *  @throws {BuildError} `DISK_FULL` */
  adopt(stagedPath: string, digest: Digest, sizeBytes: number): Promise<BlobInfo>
  /** What `get` gives, for whoever verifies it anyway.
   *  @throws {BuildError} `BLOB_NOT_FOUND` at the start */
  readUnverified(digest: Digest, options?: ReadOptions): AsyncIterable<Uint8Array>
  /** What `get` gives, at once and unverified: for small blobs on the way of a build that has nothing to do.
   *  `undefined` means absent. */
  readSync(digest: Digest): Uint8Array | undefined
  /** All that are present, in no particular order. */
  list(): Promise<readonly Digest[]>
}
