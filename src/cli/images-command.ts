import { readImage, readIndex } from '../../cache/images/index.ts'
import { openStore, type Store } from '../../cache/store.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { formatPlatform } from '../../core/platform.ts'
import { fullName } from '../config/full-name.ts'
import { resolveRoot } from '../config/settings.ts'
import type { Terminal } from './terminal.ts'

/** Prints a line for each image name: the name, the digest, the platforms, when it was made. */
export async function listImages(root: string | undefined, terminal: Terminal): Promise<void> {
  await using store = openStore(resolveRoot(root, terminal))
  const rows = store.images
    .list()
    .map(({ name, descriptor, createdAt }) => [
      name,
      descriptor.digest.slice(0, 19),
      platformsOf(store, descriptor),
      createdAt.toISOString().slice(0, 19),
    ])
  const table = [['NAME', 'DIGEST', 'PLATFORM', 'CREATED'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  for (const row of table) {
    terminal.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

/** Prints the documents of an image as JSON.
 *  @throws {BuildError} `IMAGE_NOT_FOUND` */
export async function inspectImage(reference: string, root: string | undefined, terminal: Terminal): Promise<void> {
  await using store = openStore(resolveRoot(root, terminal))
  const { name, descriptor } = findImage(store, reference)
  const documents = isIndex(descriptor)
    ? { index: readIndex(store.blobs, descriptor) }
    : { manifest: readImage(store.blobs, descriptor).manifest, config: readImage(store.blobs, descriptor).imageFile }
  terminal.stdout.write(`${JSON.stringify({ name, descriptor, ...documents }, undefined, 2)}\n`)
}

/** Removes names; layers and blobs stay for later builds.
 *  @throws {BuildError} `IMAGE_NOT_FOUND`, before anything is removed */
export async function removeImages(
  references: readonly string[],
  root: string | undefined,
  terminal: Terminal,
): Promise<void> {
  await using store = openStore(resolveRoot(root, terminal))
  const names = references.map((reference) => findImage(store, reference).name)
  for (const name of names) {
    store.images.remove(name)
    terminal.stdout.write(`${name}\n`)
  }
}

function findImage(store: Store, reference: string): { readonly name: string; readonly descriptor: Descriptor } {
  const byDigest = store.images.list().find(({ descriptor }) => descriptor.digest === reference)
  if (byDigest !== undefined) return byDigest
  const name = /^sha256:[0-9a-f]{64}$/.test(reference) ? reference : fullName(reference)
  const found = store.images.find(name)
  if (found !== undefined) return { name, descriptor: found.descriptor }
  throw new BuildError('IMAGE_NOT_FOUND', `Cannot find image ${JSON.stringify(reference)} in the local store`, {
    hint: '"stave images" lists the names that are there.',
  })
}

function platformsOf(store: Store, descriptor: Descriptor): string {
  try {
    if (!isIndex(descriptor)) {
      const { os, architecture, variant } = readImage(store.blobs, descriptor).imageFile
      return formatPlatform({ os, architecture, variant })
    }
    const { manifests } = readIndex(store.blobs, descriptor)
    return manifests.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)])).join(',')
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return '?'
  }
}

function isIndex({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList
}
