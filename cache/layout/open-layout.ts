import { stat } from 'node:fs/promises'
import * as z from 'zod/mini'
import { digestHex, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor, type ImageIndex } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'
import { systemCode } from '../disk/index.ts'
import {
  check,
  imageInvalid,
  largestDocumentBytes,
  parseJson,
  parseManifestOrIndex,
  readDocument,
  resolveImage,
  verified,
  type ResolvedImage,
} from '../documents/index.ts'
import { openArchiveFiles } from './archive-files.ts'
import { openDockerArchive } from './docker-archive.ts'
import { FolderFiles } from './folder-files.ts'
import type { LayoutFile, LayoutFiles } from './layout-files.ts'

/** Images on disk: an OCI layout, as a folder or as an archive, or what `docker save` writes. */
export interface Layout extends AsyncDisposable {
  readonly path: string
  /** What the layout lists, in its order: manifests and indexes. */
  readonly images: readonly LayoutImage[]
  /** The image that is meant, for one platform.
   *  @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_INVALID`, `DIGEST_MISMATCH` */
  resolve(selector: LayoutSelector, platform: Platform): Promise<ResolvedImage>
  /** Any blob, streamed and verified: trust it once the loop has ended.
   *  @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH` */
  readBlob(descriptor: Descriptor): AsyncIterable<Uint8Array>
}

export interface LayoutImage {
  readonly descriptor: Descriptor
  /** As the layout has them: tags, or full names. */
  readonly names: readonly string[]
}

/** `only`: the one image that is there. A tag may also be a full name, such as `docker.io/library/app:1`. */
export type LayoutSelector =
  | { readonly by: 'only' }
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'digest'; readonly digest: Digest }

/** What a layout keeps its blobs behind: by digest, since their names in a Docker archive are anything. */
export interface LayoutBlobs {
  readonly images: readonly LayoutImage[]
  find(digest: Digest): Promise<LayoutFile | undefined>
}

/** Opens a folder or an uncompressed archive. Dispose of it after the last blob was read.
 *  @throws {BuildError} `IMAGE_NOT_FOUND` where nothing is, `IMAGE_INVALID`, `ARCHIVE_INVALID` */
export async function openLayout(path: string): Promise<Layout> {
  const files = await openFiles(path)
  try {
    return new FileLayout(files, await openBlobs(files))
  } catch (error) {
    await files[Symbol.asyncDispose]()
    throw error
  }
}

async function openFiles(path: string): Promise<LayoutFiles> {
  try {
    return (await stat(path)).isDirectory() ? new FolderFiles(path) : await openArchiveFiles(path)
  } catch (error) {
    if (systemCode(error) === 'EACCES') throw imageInvalid(path, `it cannot be read: ${String(error)}`, error)
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error
    throw new BuildError('IMAGE_NOT_FOUND', `Cannot open the image ${path}: there is no such folder or archive`, {
      cause: error,
    })
  }
}

const layoutSchema = z.object({ imageLayoutVersion: z.string() })

/** @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
async function openBlobs(files: LayoutFiles): Promise<LayoutBlobs> {
  const marker = await files.find('oci-layout')
  const list = await files.find('index.json')
  if (marker === undefined || list === undefined) {
    const manifest = await files.find('manifest.json')
    if (manifest !== undefined) return openDockerArchive(files, await readWhole(files, manifest, 'manifest.json'))
    throw imageInvalid(
      files.path,
      'it is no OCI layout (no oci-layout, index.json) and no Docker archive (no manifest.json)',
    )
  }
  const { imageLayoutVersion } = check(
    layoutSchema,
    parseJson(await readWhole(files, marker, 'oci-layout'), `${files.path}/oci-layout`),
    `${files.path}/oci-layout`,
  )
  if (!imageLayoutVersion.startsWith('1.')) {
    throw imageInvalid(files.path, `its layout version is ${JSON.stringify(imageLayoutVersion)}; 1.0.0 is known`)
  }
  const bytes = await readWhole(files, list, 'index.json')
  const found = parseManifestOrIndex(bytes, mediaTypes.ociIndex, `${files.path}/index.json`)
  if (found.kind !== 'index') throw imageInvalid(files.path, 'its index.json is no index')
  return { images: listImages(found.index), find: (digest) => files.find(`blobs/sha256/${digestHex(digest)}`) }
}

/** Several entries for one descriptor are one image with several names. */
function listImages(index: ImageIndex): readonly LayoutImage[] {
  const images = new Map<string, { descriptor: Descriptor; names: string[] }>()
  for (const descriptor of index.manifests) {
    const image = images.get(descriptor.digest) ?? { descriptor, names: [] }
    for (const annotation of ['org.opencontainers.image.ref.name', 'io.containerd.image.name']) {
      const name = descriptor.annotations?.[annotation]
      if (name !== undefined && !image.names.includes(name)) image.names.push(name)
    }
    images.set(descriptor.digest, image)
  }
  return [...images.values()]
}

async function readWhole(files: LayoutFiles, file: LayoutFile, name: string): Promise<Uint8Array> {
  if (file.sizeBytes > largestDocumentBytes) throw imageInvalid(`${files.path}/${name}`, 'it has more than 4 MiB')
  const chunks: Uint8Array[] = []
  for await (const chunk of file.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

class FileLayout implements Layout {
  readonly path: string
  readonly images: readonly LayoutImage[]
  readonly #files: LayoutFiles
  readonly #blobs: LayoutBlobs

  constructor(files: LayoutFiles, blobs: LayoutBlobs) {
    this.path = files.path
    this.images = blobs.images
    this.#files = files
    this.#blobs = blobs
  }

  async resolve(selector: LayoutSelector, platform: Platform): Promise<ResolvedImage> {
    const descriptor = await this.#select(selector)
    const read = (wanted: Descriptor) => readDocument(this.readBlob(wanted), wanted, this.#nameOf(wanted))
    return resolveImage({ descriptor, bytes: await read(descriptor) }, platform, read, this.path)
  }

  async *readBlob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const file = await this.#blobs.find(descriptor.digest)
    if (file === undefined) {
      throw new BuildError('BLOB_NOT_FOUND', `Cannot use ${this.path}: it has no blob ${descriptor.digest}`, {
        hint: 'The layout is incomplete: write it again.',
      })
    }
    yield* verified(file.read(), descriptor, this.#nameOf(descriptor))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]()
  }

  #nameOf(descriptor: Descriptor): string {
    return `${descriptor.digest} of ${this.path}`
  }

  async #select(selector: LayoutSelector): Promise<Descriptor> {
    const [first, ...rest] = this.images
    switch (selector.by) {
      case 'only':
        if (first !== undefined && rest.length === 0) return first.descriptor
        throw this.#notFound(first === undefined ? 'it has no image' : 'it has several images, and no tag says which')
      case 'tag': {
        const { tag } = selector
        const named = this.images.find(({ names }) => names.includes(tag))
        if (named !== undefined) return named.descriptor
        throw this.#notFound(`it has no image ${JSON.stringify(tag)}`)
      }
      case 'digest': {
        const listed = this.images.find(({ descriptor }) => descriptor.digest === selector.digest)
        return listed?.descriptor ?? (await this.#unlisted(selector.digest))
      }
      default:
        return selector satisfies never
    }
  }

  /** A manifest that is there, though no list at the top names it. */
  async #unlisted(digest: Digest): Promise<Descriptor> {
    const file = await this.#blobs.find(digest)
    if (file === undefined) throw this.#notFound(`it has no image ${digest}`)
    const descriptor = { mediaType: '', digest, size: file.sizeBytes }
    const what = this.#nameOf(descriptor)
    const found = parseManifestOrIndex(await readDocument(this.readBlob(descriptor), descriptor, what), undefined, what)
    return { ...descriptor, mediaType: found.kind === 'index' ? found.index.mediaType : found.manifest.mediaType }
  }

  #notFound(why: string): BuildError {
    const names = this.images.flatMap((image) => image.names)
    return new BuildError('IMAGE_NOT_FOUND', `Cannot use ${this.path}: ${why}`, {
      hint: names.length === 0 ? undefined : `It has ${names.join(', ')}.`,
    })
  }
}
