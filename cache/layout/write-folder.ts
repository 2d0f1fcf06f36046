import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { naming, systemCode, uniqueName } from '../disk/index.ts'
import { parseManifestOrIndex } from '../documents/index.ts'
import { blobFiles, indexFile, layoutMarker, type LayoutContent, type WrittenFile } from './layout-content.ts'

/** Writes the image into an OCI layout folder, which is made when it is missing. An image that is there already stays, unless
 *  its name is given anew. Each file appears whole or not at all, and the list of images last: a reader never sees half an image.
 *  @throws {BuildError} `DISK_FULL`, `IMAGE_INVALID`, `DIGEST_MISMATCH`, and what `content.read` throws */
export async function writeLayoutFolder(
  path: string,
  content: LayoutContent,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await mkdir(join(path, 'blobs', 'sha256'), { recursive: true })
  for (const file of await blobFiles(content)) {
    signal?.throwIfAborted()
    if (!(await isThere(join(path, file.name), file.sizeBytes))) await write(path, file, signal)
  }
  await write(path, layoutMarker, signal)
  await write(path, indexFile(content, await earlierImages(path)), signal)
}

async function earlierImages(path: string): Promise<readonly Descriptor[]> {
  const file = join(path, 'index.json')
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
  const found = parseManifestOrIndex(bytes, mediaTypes.ociIndex, file)
  return found.kind === 'index' ? found.index.manifests : []
}

/** A blob's name is its digest: one of the same size was written by somebody who verified it. */
async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  try {
    return (await stat(path)).size === sizeBytes
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

async function write(path: string, file: WrittenFile, signal: AbortSignal | undefined): Promise<void> {
  const target = join(path, file.name)
  const staged = join(dirname(target), uniqueName('.staged'))
  try {
    await pipeline(file.read(), createWriteStream(staged, { flags: 'wx' }), { signal })
    await rename(staged, target)
  } catch (error) {
    await rm(staged, { force: true })
    signal?.throwIfAborted()
    throw naming(target, error)
  }
}
