import { createReadStream } from 'node:fs'
import { decompress } from '../../cache/compression/index.ts'
import { readTar } from '../../cache/tar/index.ts'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { ImageLayer, ImageWriter, readImageArchive } from '../erofs/index.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import type { Attributes } from '../files/layer-writer.ts'
import type { ArchiveTarget } from './archive-target.ts'
import { unpackEntries, type UnpackResult } from './unpack-entries.ts'

/** Where a layer's archive lies: it is a blob, compressed or not, or a part of an image. */
export interface StoredArchive {
  readonly kind: 'blob' | 'image'
  readonly path: string
}

/** Unpacks a stored layer archive into an empty folder, in overlayfs's form. Whiteouts become devices and marks; nothing outside the folder is written,
 *  whatever the archive says.
 *  @throws {BuildError} `ARCHIVE_INVALID`, `DIGEST_MISMATCH` when the uncompressed archive is not `diffId` */
export async function unpackLayer(archive: StoredArchive, diffId: string, folder: string): Promise<UnpackResult> {
  const meter = new DigestMeter()
  const layer = new LayerFolder(folder, [], 0n)
  const result = await unpack(meter.measure(read(archive)), layer)
  layer.close()
  verify(meter, diffId)
  return result
}

/** As `unpackLayer`, into an image at a path where nothing is.
 *  @throws {NeedsFolder} for what an image cannot hold; else as `unpackLayer` */
export async function unpackIntoImage(archive: StoredArchive, diffId: string, image: string): Promise<UnpackResult> {
  const meter = new DigestMeter()
  const layer = new ImageLayer(createdRoot, 0n)
  using writer = new ImageWriter(image)
  const result = await unpack(written(meter.measure(read(archive)), writer), layer)
  verify(meter, diffId)
  writer.finish(layer.root)
  return result
}

/** What the root of a layer is whose archive has no entry for it. */
const createdRoot: Attributes = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n }

function read({ kind, path }: StoredArchive): AsyncIterable<Uint8Array> {
  return kind === 'image'
    ? toAsync(readImageArchive(path))
    : decompress(createReadStream(path, { highWaterMark: 256 * 1024 }))
}

/** Chunks that hold until the next one is asked for, for a reader that may keep them longer. */
// eslint-disable-next-line @typescript-eslint/require-await
async function* toAsync(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Uint8Array.from(chunk)
}

function unpack(archive: AsyncIterable<Uint8Array>, layer: ArchiveTarget): Promise<UnpackResult> {
  return unpackEntries(layer, readTar(archive), { into: '', whiteouts: 'apply', owner: undefined })
}

async function* written(chunks: AsyncIterable<Uint8Array>, writer: ImageWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    writer.append(chunk)
    yield chunk
  }
}

function verify(meter: DigestMeter, diffId: string): void {
  const digest = meter.digest()
  if (digest !== diffId) throw otherContent(diffId, digest)
}

export function otherContent(diffId: string, digest: Digest): BuildError {
  return new BuildError('DIGEST_MISMATCH', `Cannot use layer ${diffId}: its content is ${digest}`, {
    hint: 'The image is damaged, or was changed on its way: push it again from where it is known to be good.',
  })
}
