import { createWriteStream } from 'node:fs'
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
  const content = contentOf(output.names, image, context)
  if (output.to.kind === 'folder') {
    const { path } = output.to
    await writeLayoutFolder(path, content, { signal }).catch((error: unknown) => {
      throw explained(path, error)
    })
    return
  }
  const archive = output.type === 'oci' ? packOciArchive(content) : packDockerArchive(content)
  if (output.to.kind === 'stdout') {
    await pipeline(archive, stdout, { end: false, signal }).catch((error: unknown) => {
      throw explained('to standard output', error)
    })
  } else
    await writeWhole(output.to.path, (path) =>
      pipeline(archive, createWriteStream(path, { flags: 'wx', highWaterMark: 4 * 1024 * 1024 }), { signal }),
    )
}

function contentOf(names: readonly string[], image: PackedImage, { store, settings }: OutputContext): LayoutContent {
  return {
    root: { ...image.root.descriptor, annotations: annotationsAt(settings.annotations, 'index-descriptor') },
    names,
    created: image.created,
    read: (descriptor: Descriptor) => store.blobs.get(descriptor.digest),
  }
}
