import * as z from 'zod/mini'
import { DigestMeter, type Digest } from '../../core/digest.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { compressionOf, sniffedBytes } from '../compression/index.ts'
import { check, imageInvalid, largestDocumentBytes, parseImageFile, parseJson } from '../documents/index.ts'
import type { LayoutFile, LayoutFiles } from './layout-files.ts'
import type { LayoutBlobs, LayoutImage } from './open-layout.ts'

const imageSchema = z.object({
  Config: z.string(),
  RepoTags: z.nullish(z.array(z.string())),
  Layers: z.nullish(z.array(z.string()).check(z.maxLength(10_000))),
})
const archiveSchema = z.array(imageSchema).check(z.maxLength(1000))

/** What `docker save` wrote before it wrote OCI layouts too: `manifest.json`, and files of any name. It has no manifests in the sense of registries,
 *  so we make one for each image; they are found by their digests like any blob. Blobs are hashed here, once, since nothing else names them.
 *  @throws {BuildError} `IMAGE_INVALID` */
export async function openDockerArchive(files: LayoutFiles, manifestJson: Uint8Array): Promise<LayoutBlobs> {
  const what = `${files.path}/manifest.json`
  const blobs = new Map<Digest, LayoutFile>()
  const images: LayoutImage[] = []
  for (const { Config, RepoTags, Layers } of check(archiveSchema, parseJson(manifestJson, what), what)) {
    const config = await fileNamed(files, Config)
    if (config.sizeBytes > largestDocumentBytes) throw imageInvalid(`${files.path}/${Config}`, 'it has more than 4 MiB')
    const { descriptor, head } = await measured(config, mediaTypes.dockerConfig, blobs)
    const { rootfs } = parseImageFile(head, `${files.path}/${Config}`)
    const names = Layers ?? []
    if (rootfs.diff_ids.length !== names.length) {
      throw imageInvalid(
        files.path,
        `its config tells of ${rootfs.diff_ids.length} layers, its manifest of ${names.length}`,
      )
    }
    const layers: Descriptor[] = []
    for (const name of names) layers.push(await layerOf(await fileNamed(files, name), blobs))
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config: descriptor, layers }
    const made = await measured(inMemory(JSON.stringify(manifest)), mediaTypes.dockerManifest, blobs)
    images.push({ descriptor: made.descriptor, names: RepoTags ?? [] })
  }
  return { images, find: (digest) => Promise.resolve(blobs.get(digest)) }
}

async function fileNamed(files: LayoutFiles, name: string): Promise<LayoutFile> {
  // In a folder the name becomes a path: nothing but plain names below it will do.
  const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !name.includes('\0')
  const file = isPlain ? await files.find(name) : undefined
  if (file === undefined)
    throw imageInvalid(files.path, `its manifest.json names ${JSON.stringify(name)}, which it lacks`)
  return file
}

async function layerOf(file: LayoutFile, blobs: Map<Digest, LayoutFile>): Promise<Descriptor> {
  const { descriptor, head } = await measured(file, mediaTypes.dockerLayer, blobs)
  switch (compressionOf(head.subarray(0, sniffedBytes))) {
    case 'gzip':
      return { ...descriptor, mediaType: mediaTypes.dockerLayerGzip }
    case 'zstd':
      return { ...descriptor, mediaType: mediaTypes.dockerLayerZstd }
    default:
      return descriptor
  }
}

/** Reads the file to its end; `head` is its beginning, all of it where it is small. */
async function measured(file: LayoutFile, mediaType: string, blobs: Map<Digest, LayoutFile>) {
  const meter = new DigestMeter()
  const head: Uint8Array[] = []
  for await (const chunk of meter.measure(file.read())) {
    if (meter.sizeBytes - chunk.byteLength < largestDocumentBytes) head.push(chunk)
  }
  const digest = meter.digest()
  blobs.set(digest, file)
  return { descriptor: { mediaType, digest, size: meter.sizeBytes }, head: Buffer.concat(head) }
}

function inMemory(text: string): LayoutFile {
  const bytes = Buffer.from(text)
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* read() {
    yield bytes
  }
  return { sizeBytes: bytes.length, read }
}
