import { createReadStream, unlinkSync } from 'node:fs'
import { decompress } from '../../cache/compression/index.ts'
import { otherContent } from '../unpack/unpack-layer.ts'
import { packMeasured, type PackOptions, type PackedLayer } from './pack-layer.ts'

/** Writes the archive of a stored layer blob anew, compressed as it is wanted.
 *  @param path where it goes; a new file, which is removed again when that fails
 *  @throws {BuildError} `ARCHIVE_INVALID`, `UNSUPPORTED`, `DIGEST_MISMATCH` when the uncompressed archive is not `diffId` */
export async function recompressLayer(
  blob: string,
  diffId: string,
  path: string,
  how: PackOptions,
): Promise<PackedLayer> {
  const archive = decompress(createReadStream(blob, { highWaterMark: 256 * 1024 }))
  const packed = await packMeasured(archive, path, how)
  if (packed.diffId === diffId) return packed
  unlinkSync(path)
  throw otherContent(diffId, packed.diffId)
}
