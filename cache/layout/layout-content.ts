import { digestHex, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { formatReference, parseReference } from '../../core/reference.ts'
import { collectBlobs, isIndexType, ofSize, parseManifestOrIndex, readDocument } from '../documents/index.ts'

/** An image to be written to disk. */
export interface LayoutContent {
  /** Of the manifest or the index. Its annotations stand in the layout's list too. */
  readonly root: Descriptor
  /** References; each becomes an entry of the layout. With none, there is one entry without a name. */
  readonly names: readonly string[]
  /** Noted beside each name; `undefined` leaves it out. */
  readonly created: Date | undefined
  /** Any blob that the root leads to: the store's, or one that is fetched only now. Throws `DIGEST_MISMATCH` for other bytes, at the end at the latest. */
  readonly read: (descriptor: Descriptor) => AsyncIterable<Uint8Array>
}

/** A file of a layout, with a name below its root. */
export interface WrittenFile {
  readonly name: string
  readonly sizeBytes: number
  read(): AsyncIterable<Uint8Array>
}

/** The blobs, sorted by name. Manifests are read and checked here; configs and layers only when their turn comes.
 *  @throws {BuildError} `IMAGE_INVALID`, `DIGEST_MISMATCH`, and what `content.read` throws */
export async function blobFiles(content: LayoutContent): Promise<readonly WrittenFile[]> {
  const { documents, blobs } = await collectBlobs(content.root, (wanted) => readContent(content, wanted))
  const files = new Map<string, WrittenFile>()
  for (const { descriptor, bytes } of documents)
    files.set(blobName(descriptor.digest), memoryFile(blobName(descriptor.digest), bytes))
  for (const descriptor of blobs) {
    const name = blobName(descriptor.digest)
    files.set(name, { name, sizeBytes: descriptor.size, read: () => readBlob(content, descriptor) })
  }
  return [...files.values()].sort(byName)
}

function readBlob(content: LayoutContent, descriptor: Descriptor): AsyncIterable<Uint8Array> {
  return ofSize(content.read(descriptor), descriptor.size, descriptor.digest)
}

export function blobName(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`
}

export function byName(a: WrittenFile, b: WrittenFile): number {
  return a.name < b.name ? -1 : 1
}

/** @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file */
export const layoutMarker = jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' })

/** The layout's `index.json`, with what was listed there before and is not named anew. */
export function indexFile(content: LayoutContent, earlier: readonly Descriptor[] = []): WrittenFile {
  const entries = entriesOf(content)
  const names = new Set(entries.map(({ annotations }) => annotations?.[refName]))
  const kept = earlier.filter(({ digest, annotations }) =>
    annotations?.[refName] === undefined ? digest !== content.root.digest : !names.has(annotations[refName]),
  )
  return jsonFile('index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...kept, ...entries] })
}

const refName = 'org.opencontainers.image.ref.name'

function entriesOf({ root, names, created }: LayoutContent): readonly Descriptor[] {
  const { mediaType, digest, size, annotations: own, platform } = root
  const entry = { mediaType, digest, size, annotations: own, platform }
  if (names.length === 0) return [entry]
  return names.map((name) => {
    const reference = parseReference(name)
    const annotations = {
      ...own,
      'io.containerd.image.name': formatReference(reference),
      ...(created === undefined
        ? {}
        : { 'org.opencontainers.image.created': created.toISOString().replace(/\.000Z$/, 'Z') }),
      [refName]: reference.tag ?? 'latest',
    }
    return { ...entry, annotations }
  })
}

/** What `docker load` reads: the config and the layers, where the layout has them.
 *  @throws {BuildError} `UNSUPPORTED` for several platforms */
export async function dockerManifestFile(content: LayoutContent): Promise<WrittenFile> {
  if (isIndexType(content.root.mediaType)) {
    throw new BuildError('UNSUPPORTED', 'Cannot write a Docker archive: it holds one platform, the image has several', {
      hint: 'Build one platform, or write an OCI archive.',
    })
  }
  const bytes = await readContent(content, content.root)
  const found = parseManifestOrIndex(bytes, content.root.mediaType, content.root.digest)
  if (found.kind !== 'manifest') throw new Error('an index with the media type of a manifest was let through')
  const { config, layers } = found.manifest
  return jsonFile('manifest.json', [
    {
      Config: blobName(config.digest),
      RepoTags: content.names.map(familiarName),
      Layers: layers.map(({ digest }) => blobName(digest)),
    },
  ])
}

/** `docker.io/library/app:1` is `app:1` to Docker. */
function familiarName(name: string): string {
  const { registry, repository, tag = 'latest' } = parseReference(name)
  if (registry !== 'docker.io') return `${registry}/${repository}:${tag}`
  return `${repository.replace(/^library\//, '')}:${tag}`
}

function readContent(content: LayoutContent, descriptor: Descriptor): Promise<Uint8Array> {
  return readDocument(content.read(descriptor), descriptor, descriptor.digest)
}

function jsonFile(name: string, value: unknown): WrittenFile {
  return memoryFile(name, Buffer.from(JSON.stringify(value)))
}

function memoryFile(name: string, bytes: Uint8Array): WrittenFile {
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* read() {
    yield bytes
  }
  return { name, sizeBytes: bytes.byteLength, read }
}
