import { open, unlink } from 'node:fs/promises'
import { once } from 'node:events'
import { createGzip } from 'node:zlib'
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
  else await writeNewFile(path, stored.measure(compressed(archive, compression)))
  return {
    diffId: content.digest(),
    uncompressedBytes: content.sizeBytes,
    digest: stored.digest(),
    sizeBytes: stored.sizeBytes,
  }
}

async function writeNewFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o444)
  try {
    for await (const chunk of chunks) await file.write(chunk)
  } catch (error) {
    await unlink(path)
    throw error
  } finally {
    await file.close()
  }
}

async function* compressed(archive: Iterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* archive
    return
  }
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

function* measured(chunks: Iterable<Uint8Array>, meter: DigestMeter): Generator<Uint8Array> {
  for (const chunk of chunks) {
    meter.update(chunk)
    yield chunk
  }
}
