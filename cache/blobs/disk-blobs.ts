import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DigestMeter, digestHex, parseDigest, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { namesIn, naming, systemCode, uniqueName } from '../disk/index.ts'
import type { BlobFiles, BlobInfo, PutOptions, ReadOptions } from './blob-store.ts'

const chunkBytes = 1024 * 1024

/** Blobs as files: `<root>/sha256/<hex>`, read-only. Opening costs nothing.
 *  @param stagingFolder absolute, on the same file system: where blobs are written before they are renamed into place. Whoever owns it removes
 *  what a killed process leaves there. */
export function openDiskBlobs(root: string, stagingFolder: string): BlobFiles {
  return new DiskBlobs(root, stagingFolder)
}

class DiskBlobs implements BlobFiles {
  readonly #root: string
  readonly #stagingFolder: string
  /** What this process has put there itself, and need not measure again. */
  readonly #own = new Set<Digest>()

  constructor(root: string, stagingFolder: string) {
    this.#root = root
    this.#stagingFolder = stagingFolder
  }

  async put(bytes: AsyncIterable<Uint8Array>, { expect, signal }: PutOptions = {}): Promise<BlobInfo> {
    const present = expect === undefined ? undefined : await this.stat(expect)
    if (present !== undefined) return present
    await using staged = new StagedFile(join(this.#stagingFolder, uniqueName('blob')))
    const meter = new DigestMeter()
    try {
      await mkdir(this.#stagingFolder, { recursive: true })
      await pipeline(meter.measure(bytes), createWriteStream(staged.path, { flush: true }), { signal })
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      throw naming(staged.path, error)
    }
    const digest = meter.digest()
    if (expect !== undefined && digest !== expect) throw digestMismatch(expect, digest)
    await staged.moveTo(this.pathOf(digest))
    this.#own.add(digest)
    return { digest, sizeBytes: meter.sizeBytes }
  }

  async adopt(stagedPath: string, digest: Digest, sizeBytes: number): Promise<BlobInfo> {
    await using staged = new StagedFile(stagedPath)
    if ((await this.stat(digest)) === undefined) {
      await flush(stagedPath)
      await staged.moveTo(this.pathOf(digest))
      this.#own.add(digest)
    }
    return { digest, sizeBytes }
  }

  async *get(digest: Digest, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    const bytes = this.readUnverified(digest, options)
    if (this.#own.has(digest)) {
      yield* bytes
      return
    }
    const meter = new DigestMeter()
    yield* meter.measure(bytes)
    const found = meter.digest()
    if (found !== digest) throw digestMismatch(digest, found)
  }

  async *readUnverified(digest: Digest, { signal, reuseMemory }: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    const path = this.pathOf(digest)
    try {
      if (reuseMemory === true) yield* readInto(Buffer.allocUnsafeSlow(chunkBytes), path, signal)
      else yield* createReadStream(path, { highWaterMark: chunkBytes, signal }) as AsyncIterable<Buffer>
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw blobNotFound(digest)
      signal?.throwIfAborted()
      throw error
    }
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    try {
      return { digest, sizeBytes: (await stat(this.pathOf(digest))).size }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.pathOf(digest), { force: true })
  }

  pathOf(digest: Digest): string {
    return join(this.#root, 'sha256', digestHex(digest))
  }

  readSync(digest: Digest): Uint8Array | undefined {
    try {
      return readFileSync(this.pathOf(digest))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async list(): Promise<readonly Digest[]> {
    const names = await namesIn(join(this.#root, 'sha256'))
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => parseDigest(`sha256:${name}`))
  }
}

async function* readInto(
  memory: Buffer,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r')
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(memory)
      if (bytesRead === 0) return
      yield memory.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** A file on its way into the store. Disposing removes it, unless it has moved. */
class StagedFile implements AsyncDisposable {
  readonly path: string
  #moved = false

  constructor(path: string) {
    this.path = path
  }

  /** Replaces what is there, which has the same content. */
  async moveTo(target: string): Promise<void> {
    try {
      await chmod(this.path, 0o444)
      await mkdir(dirname(target), { recursive: true })
      await rename(this.path, target)
      this.#moved = true
    } catch (error) {
      throw naming(target, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#moved) await rm(this.path, { force: true })
  }
}

/** Waits until the disk has the file's content: a name that outlives a power cut must not be that of an empty file. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.datasync()
  } catch (error) {
    throw naming(path, error)
  } finally {
    await file.close()
  }
}

function blobNotFound(digest: Digest): BuildError {
  return new BuildError('BLOB_NOT_FOUND', `Cannot read blob ${digest}: the store has no such blob`, {
    hint: 'It may have been pruned. Building again fetches or makes it.',
  })
}

function digestMismatch(expected: Digest, found: Digest): BuildError {
  return new BuildError('DIGEST_MISMATCH', `Cannot accept blob ${expected}: its content has the digest ${found}`, {
    hint: 'The bytes were damaged on their way here, or are not what they claim to be.',
  })
}
