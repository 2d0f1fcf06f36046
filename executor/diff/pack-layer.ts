import { once } from 'node:events'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { createGzip, gzipSync } from 'node:zlib'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import { archiveChunks, chunkBytes } from './archive.ts'
import { layerChanges } from './layer-changes.ts'

export type Compression = 'gzip' | 'none'

export interface PackedLayer {
  /** Digest of the uncompressed archive, and its length. */
  readonly diffId: Digest
  readonly uncompressedBytes: number
  /** Digest of what lies at the path that was given, and its length. */
  readonly digest: Digest
  readonly sizeBytes: number
}

/** Writes what a layer directory changes as a layer archive: deterministic, each byte read, hashed and compressed once.
 *  @param path where the archive goes; a new file, which is removed again when packing fails. `undefined`: nothing is written.
 *  @see https://github.com/opencontainers/image-spec/blob/main/layer.md */
export async function packLayer(
  folder: string,
  lower: readonly string[],
  path: string | undefined,
  compression: Compression,
): Promise<PackedLayer> {
  const content = new DigestMeter()
  const stored = new DigestMeter()
  const archive = measured(archiveChunks(layerChanges(folder, lower)), content)
  if (path === undefined) for (const chunk of archive) stored.update(chunk)
  else await writeNewFile(path, compressed(archive, compression), stored)
  return {
    diffId: content.digest(),
    uncompressedBytes: content.sizeBytes,
    digest: stored.digest(),
    sizeBytes: stored.sizeBytes,
  }
}

async function writeNewFile(path: string, chunks: Compressed, meter: DigestMeter): Promise<void> {
  const file = openSync(path, 'wx', 0o444)
  try {
    for await (const chunk of chunks) {
      meter.update(chunk)
      for (let written = 0; written < chunk.length;) written += writeSync(file, chunk, written)
    }
  } catch (error) {
    unlinkSync(path)
    throw error
  } finally {
    closeSync(file)
  }
}

type Compressed = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** What fits in one chunk, as most layers of steps do, is compressed at once: setting a stream up takes longer than using it. The bytes are the same. */
function compressed(archive: Iterator<Uint8Array> & Iterable<Uint8Array>, compression: Compression): Compressed {
  if (compression === 'none') return archive
  const first = archive.next()
  if (first.done === true) throw new Error('an archive has at least its end mark')
  const second = archive.next()
  return second.done === true ? [gzipSync(first.value)] : gzipped(chain([first.value, second.value], archive))
}

async function* gzipped(archive: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ chunkSize: chunkBytes })
  const feeding = (async () => {
    for (const chunk of archive) if (!gzip.write(chunk)) await once(gzip, 'drain')
    gzip.end()
  })()
  // The loop below ends with the stream's error; the feeder's own failure has to reach it.
  feeding.catch((error: unknown) => gzip.destroy(error as Error))
  yield* gzip as AsyncIterable<Uint8Array>
  await feeding
}

function* chain(first: Iterable<Uint8Array>, rest: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield* first
  yield* rest
}

function* measured(chunks: Iterable<Uint8Array>, meter: DigestMeter): Generator<Uint8Array> {
  for (const chunk of chunks) {
    meter.update(chunk)
    yield chunk
  }
}
