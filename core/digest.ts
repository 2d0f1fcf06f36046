import { createHash, type Hash } from 'node:crypto'
import { BuildError } from './errors.ts'

declare const brand: unique symbol

/** A content address: `sha256:` and 64 lowercase hex digits. Only this file makes one.
 *  @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests */
export type Digest = `sha256:${string}` & { readonly [brand]: 'Digest' }

/** @throws {BuildError} `DIGEST_INVALID` */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new BuildError('DIGEST_INVALID', `Cannot parse digest ${JSON.stringify(text)}`, {
    hint: 'A digest is "sha256:" followed by 64 lowercase hex digits.',
  })
}

export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text)
}

/** The 64 hex digits, for use as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length)
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
}

/** What is smaller is hashed sooner than a thread has heard of it. */
const leastPooledBytes = 256 * 1024

/** As `digestOf()`, beside this thread where that pays. The bytes may not change meanwhile. */
export async function digestInPool(bytes: Uint8Array): Promise<Digest> {
  if (bytes.length < leastPooledBytes) return digestOf(bytes)
  return `sha256:${Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')}` as Digest
}

/** Hashes and counts bytes as they pass. `digest()` ends it. */
export class DigestMeter {
  readonly #hash: Hash = createHash('sha256')
  sizeBytes = 0

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.sizeBytes += bytes.byteLength
  }

  async *measure(
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.update(chunk)
      yield chunk
    }
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}` as Digest
  }
}
