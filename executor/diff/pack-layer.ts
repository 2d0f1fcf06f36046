import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { FlushAhead } from '../../cache/disk/index.ts'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import type { LayerCompression } from '../../core/layer-compression.ts'
import { archiveChunks } from './archive.ts'
import { BlockMemory, type BlockIndex, type FormerLayer } from './block-memory.ts'
import { compressBlocks, type BlockFormat, type KnownBlock } from './compress-blocks.ts'
import { cutBlocks, type Block, type ByteChunks } from './cut-blocks.ts'
import { cutRevision } from './cut-revision.ts'
import { GzipFormat } from './gzip-format.ts'
import { ImageArchive, readImageArchive } from '../erofs/index.ts'
import { layerChanges, type LayerChange } from './layer-changes.ts'
import { revisedArchive, revisedPieces } from './revision.ts'

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
  if (path === undefined || compression.type === 'uncompressed') return writeAsIs(archive, path)
  const format = await openFormat(compression)
  return writeBlocks(cutBlocks(archive, format.meanBlockBytes), path, format, former)
}

/** The same of an image's archive, or a revision of it.
 *  @param packed what was made of the image's own archive: of its blocks a revision reads those alone that are others now */
export async function packImage(
  { image, revision, packed }: PackedFrom,
  path: string | undefined,
  how: PackOptions,
): Promise<PackedArchive> {
  const { compression } = how
  if (revision === undefined) return packArchive(readImageArchive(image), path, how)
  if (packed === undefined || path === undefined || compression.type === 'uncompressed')
    return packArchive(revisedArchive(image, revision), path, how)
  const format = await openFormat(compression)
  if (packed.index.maker !== format.maker) return packArchive(revisedArchive(image, revision), path, how)
  using archive = new ImageArchive(image)
  const pieces = revisedPieces(archive, revision)
  return await writeBlocks(
    cutRevision(pieces, archive, packed.index.blocks, format.meanBlockBytes),
    path,
    format,
    packed,
  )
}

/** Where an archive is that was made already. */
export interface PackedFrom {
  readonly image: string
  /** Folder of a revision of it: then the archive is the revised layer's. */
  readonly revision: string | undefined
  readonly packed: FormerLayer | undefined
}

/** @param path `undefined`: nothing is written */
async function writeAsIs(archive: ByteChunks, path: string | undefined): Promise<PackedArchive> {
  const stored = new DigestMeter()
  if (path === undefined) for await (const chunk of archive) stored.update(chunk)
  else await writeNewFile(path, archive, stored)
  return { digest: stored.digest(), sizeBytes: stored.sizeBytes, index: undefined }
}

async function writeBlocks(
  blocks: Iterable<Block | KnownBlock> | AsyncIterable<Block | KnownBlock>,
  path: string,
  format: BlockFormat,
  former: FormerLayer | undefined,
): Promise<PackedArchive> {
  const stored = new DigestMeter()
  using memory = new BlockMemory(format, former)
  await writeNewFile(path, compressBlocks(blocks, format, memory), stored)
  const { index } = memory
  return {
    digest: stored.digest(),
    sizeBytes: stored.sizeBytes,
    index: index.blocks.length > 1 ? index : undefined,
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
