import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { FlushAhead } from '../../cache/disk/index.ts'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import type { LayerCompression } from '../../core/layer-compression.ts'
import { archiveChunks } from './archive.ts'
import { BlockMemory, type BlockIndex, type FormerLayer } from './block-memory.ts'
import { compressBlocks, type BlockFormat } from './compress-blocks.ts'
import type { ByteChunks } from './cut-blocks.ts'
import { GzipFormat } from './gzip-format.ts'
import { layerChanges, type LayerChange } from './layer-changes.ts'

export interface PackedLayer extends PackedArchive {
  /** Digest of the uncompressed archive. */
  readonly diffId: Digest
}

export interface PackedArchive {
  /** Digest of what lies at the path that was given, and its length. */
  readonly digest: Digest
  readonly sizeBytes: number
  /** Where its blocks are, for when it is packed again; `undefined` if it has none that could be of use then. */
  readonly index: BlockIndex | undefined
}

export interface PackOptions {
  readonly compression: LayerCompression
  /** Whose blocks are taken where they are the same. What is written is the same without. */
  readonly former?: FormerLayer | undefined
}

/** Writes what a layer directory changes as a layer archive: deterministic, each byte read, hashed and compressed once.
 *  @param path where the archive goes; a new file, which is removed again when packing fails. `undefined`: nothing is written.
 *  @throws {BuildError} `UNSUPPORTED` where nothing makes zstd
 *  @see https://github.com/opencontainers/image-spec/blob/main/layer.md */
export async function packLayer(
  folder: string,
  lower: readonly string[],
  path: string | undefined,
  how: PackOptions,
): Promise<PackedLayer> {
  return packChanges(layerChanges(folder, lower), path, how)
}

/** As `packLayer()`, of changes that are given.
 *  @throws {FileShrank}
 *  @throws {BuildError} `UNSUPPORTED` */
export async function packChanges(
  changes: Iterable<LayerChange>,
  path: string | undefined,
  how: PackOptions,
): Promise<PackedLayer> {
  return packMeasured(archiveChunks(changes), path, how)
}

/** As `packLayer()`, of an archive that is made already. */
export async function packMeasured(
  chunks: ByteChunks,
  path: string | undefined,
  how: PackOptions,
): Promise<PackedLayer> {
  const content = new DigestMeter()
  const packed = await packArchive(content.measure(chunks), path, how)
  return { diffId: content.digest(), ...packed }
}

/** The same of an archive whose own digest is known, or found otherwise. */
export async function packArchive(
  archive: ByteChunks,
  path: string | undefined,
  { compression, former }: PackOptions,
): Promise<PackedArchive> {
  const stored = new DigestMeter()
  let index: BlockIndex | undefined
  if (path === undefined) for await (const chunk of archive) stored.update(chunk)
  else if (compression.type === 'uncompressed') await writeNewFile(path, archive, stored)
  else {
    const format = await openFormat(compression)
    using memory = new BlockMemory(format, former)
    await writeNewFile(path, compressBlocks(archive, format, memory), stored)
    index = memory.index
  }
  return {
    digest: stored.digest(),
    sizeBytes: stored.sizeBytes,
    index: index !== undefined && index.blocks.length > 1 ? index : undefined,
  }
}

async function openFormat({ type, level }: Extract<LayerCompression, { level: number }>): Promise<BlockFormat> {
  if (type === 'gzip') return new GzipFormat(level)
  const { ZstdFormat } = await import('./zstd-format.ts')
  return ZstdFormat.open(level)
}

async function writeNewFile(path: string, chunks: ByteChunks, meter: DigestMeter): Promise<void> {
  const file = openSync(path, 'wx', 0o444)
  const ahead = new FlushAhead(file)
  try {
    for await (const chunk of chunks) {
      meter.update(chunk)
      for (let written = 0; written < chunk.length;) written += writeSync(file, chunk, written)
      ahead.wrote(chunk.length)
    }
  } catch (error) {
    unlinkSync(path)
    throw error
  } finally {
    await ahead.settle()
    closeSync(file)
  }
}
