import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import { archiveChunks } from './archive.ts'
import { gzipBlocks } from './gzip-blocks.ts'
import { layerChanges, type LayerChange } from './layer-changes.ts'

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
  return packChanges(layerChanges(folder, lower), path, compression)
}

/** As `packLayer()`, of changes that are given.
 *  @throws {FileShrank} */
export async function packChanges(
  changes: Iterable<LayerChange>,
  path: string | undefined,
  compression: Compression,
): Promise<PackedLayer> {
  const content = new DigestMeter()
  const stored = new DigestMeter()
  const archive = measured(archiveChunks(changes), content)
  if (path === undefined) for (const chunk of archive) stored.update(chunk)
  else await writeNewFile(path, compression === 'gzip' ? gzipBlocks(archive) : archive, stored)
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

function* measured(chunks: Iterable<Uint8Array>, meter: DigestMeter): Generator<Uint8Array> {
  for (const chunk of chunks) {
    meter.update(chunk)
    yield chunk
  }
}
