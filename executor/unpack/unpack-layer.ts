import { createReadStream } from 'node:fs'
import { decompress } from '../../cache/compression/index.ts'
import { readTar } from '../../cache/tar/index.ts'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { unpackEntries, type UnpackResult } from './unpack-entries.ts'

/** Unpacks a stored layer blob into an empty folder, in overlayfs's form. Whiteouts become devices and marks; nothing outside the folder is written,
 *  whatever the archive says.
 *  @throws {BuildError} `ARCHIVE_INVALID`, `DIGEST_MISMATCH` when the uncompressed archive is not `diffId` */
export async function unpackLayer(blob: string, diffId: string, folder: string): Promise<UnpackResult> {
  const meter = new DigestMeter()
  const archive = meter.measure(decompress(createReadStream(blob, { highWaterMark: 256 * 1024 })))
  const layer = new LayerFolder(folder, [], 0n)
  const result = await unpackEntries(layer, readTar(archive), { into: '', whiteouts: 'apply', owner: undefined })
  layer.close()
  const digest = meter.digest()
  if (digest !== diffId) throw otherContent(diffId, digest)
  return result
}

export function otherContent(diffId: string, digest: Digest): BuildError {
  return new BuildError('DIGEST_MISMATCH', `Cannot use layer ${diffId}: its content is ${digest}`, {
    hint: 'The image is damaged, or was changed on its way: push it again from where it is known to be good.',
  })
}
