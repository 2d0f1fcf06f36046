import { writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { packDockerArchive, packOciArchive, writeLayoutFolder, type LayoutContent } from '../../cache/layout/index.ts'
import type { Descriptor } from '../../core/image.ts'
import { annotationsAt } from '../config/annotations.ts'
import type { Output } from '../config/outputs.ts'
import type { PackedImage } from './pack-image.ts'
import type { OutputContext } from './write-outputs.ts'
import { explained, writeWhole } from './write-whole.ts'

type ArchiveOutput = Extract<Output, { type: 'oci' | 'docker' }>

/** Writes the image as an OCI layout, in a folder or in one archive; for `docker`, with what `docker load` wants beside it.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL`, and what fetching a layer of the base throws */
export async function writeArchive(output: ArchiveOutput, image: PackedImage, context: OutputContext): Promise<void> {
  const { images, signal, stdout } = context
  await Promise.all(image.layers.map(({ blob }) => images.fetchBlob(blob)))
  const { to } = output
  // A file has every chunk before it asks for the next.
  const content = contentOf(output.names, image, context, to.kind === 'file')
  if (to.kind === 'folder') {
    const { path } = to
    await writeLayoutFolder(path, content, { signal }).catch((error: unknown) => {
      throw explained(path, error)
    })
    return
  }
  const archive = output.type === 'oci' ? packOciArchive(content) : packDockerArchive(content)
  if (to.kind === 'stdout') {
    await pipeline(archive, stdout, { end: false, signal }).catch((error: unknown) => {
      throw explained('to standard output', error)
    })
  } else await writeWhole(to.path, (path) => writeFile(path, archive, { flag: 'wx', signal }))
}

function contentOf(
  names: readonly string[],
  image: PackedImage,
  { store, settings, signal }: OutputContext,
  reuseMemory: boolean,
): LayoutContent {
  return {
    root: { ...image.root.descriptor, annotations: annotationsAt(settings.annotations, 'index-descriptor') },
    names,
    created: image.created,
    read: (descriptor: Descriptor) => store.blobs.get(descriptor.digest, { signal, reuseMemory }),
  }
}
