import { join, resolve } from 'node:path'
import { digestOf, type Digest } from '../core/digest.ts'
import { BuildError } from '../core/errors.ts'
import { openDiskBlobs, type BlobFiles, type BlobInfo, type PutOptions } from './blobs/index.ts'
import { openFactStore, type FactStore } from './facts/index.ts'
import { openImageNames, type ImageNames } from './images/index.ts'
import { storeRoot } from './store.ts'

type Facts = Pick<FactStore, 'find' | 'put'>
type Blobs = Pick<BlobFiles, 'put' | 'stat' | 'readSync' | 'pathOf'>

/** What finding images needs of a store. */
export interface ImageStore {
  readonly facts: Facts
  readonly blobs: Blobs
  readonly images: Pick<ImageNames, 'find'>
}

/** The store below `home`, if there is any, for one who only looks: what is new is kept in memory, and nothing on the disk changes. */
export function openUnwrittenStore(home: string): ImageStore {
  const root = storeRoot(resolve(home))
  const facts = openFactStore(join(root, 'facts'))
  return {
    facts: new UnwrittenFacts(facts),
    blobs: new UnwrittenBlobs(openDiskBlobs(join(root, 'blobs'), root)),
    images: openImageNames(facts),
  }
}

class UnwrittenFacts implements Facts {
  readonly #below: FactStore
  readonly #own = new Map<string, unknown>()

  constructor(below: FactStore) {
    this.#below = below
  }

  find(kind: string, key: string): unknown {
    return this.#own.get(`${kind} ${key}`) ?? this.#below.find(kind, key)
  }

  put(kind: string, key: string, value: unknown): void {
    this.#own.set(`${kind} ${key}`, value)
  }
}

/** For documents: blobs that are put are held in memory whole. */
class UnwrittenBlobs implements Blobs {
  readonly #below: BlobFiles
  readonly #own = new Map<Digest, Uint8Array>()

  constructor(below: BlobFiles) {
    this.#below = below
  }

  async put(bytes: AsyncIterable<Uint8Array>, { expect, signal }: PutOptions = {}): Promise<BlobInfo> {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes) {
      signal?.throwIfAborted()
      chunks.push(chunk)
    }
    const blob = Buffer.concat(chunks)
    const digest = digestOf(blob)
    if (expect !== undefined && digest !== expect) {
      throw new BuildError('DIGEST_MISMATCH', `Cannot accept blob ${expect}: its content has the digest ${digest}`)
    }
    this.#own.set(digest, blob)
    return { digest, sizeBytes: blob.length }
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    const own = this.#own.get(digest)
    return own === undefined ? this.#below.stat(digest) : { digest, sizeBytes: own.length }
  }

  readSync(digest: Digest): Uint8Array | undefined {
    return this.#own.get(digest) ?? this.#below.readSync(digest)
  }

  pathOf(digest: Digest): string {
    return this.#below.pathOf(digest)
  }
}
