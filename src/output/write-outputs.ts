import type { Store } from '../../cache/store.ts'
import type { Descriptor, ImagePlan } from '../../core/image.ts'
import type { Tree } from '../../core/layer.ts'
import type { Solver } from '../../executor/index.ts'
import type { BuiltImage } from '../build.ts'
import type { Output } from '../config/outputs.ts'
import type { Settings } from '../config/settings.ts'
import type { ExecutorHandle } from '../executor-handle.ts'
import type { ImageSources } from '../images/image-sources.ts'
import type { Tasks } from '../tasks.ts'
import { packImage, type PackedImage } from './pack-image.ts'
import { pushImage } from './push-image.ts'
import { writeArchive } from './write-archive.ts'
import { writeFiles } from './write-files.ts'

/** Everything that outputs are made from. */
export interface OutputContext {
  readonly plan: ImagePlan
  readonly tree: Tree
  readonly solver: Solver
  readonly settings: Settings
  readonly store: Store
  readonly images: ImageSources
  readonly executor: ExecutorHandle
  readonly tasks: Tasks
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream
}

/** Puts the result where it was asked for, one place after the other. Layers are packed once, and only if an output wants an image.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL`, and what registries answer */
export async function writeOutputs(context: OutputContext): Promise<BuiltImage> {
  const { outputs, tags } = context.settings
  const image = outputs.some(wantsImage)
    ? await context.tasks.run('exporting layers', () => packImage(context))
    : undefined
  for (const output of outputs) {
    context.signal.throwIfAborted()
    await writeOutput(output, image, context)
  }
  const names = outputs.flatMap((output) => ('names' in output ? output.names : []))
  return {
    image: image && { descriptor: image.manifest.descriptor, configDigest: image.config.descriptor.digest },
    names: [...new Set([...tags, ...names])],
  }
}

function wantsImage({ type }: Output): boolean {
  return type !== 'local' && type !== 'tar'
}

async function writeOutput(output: Output, image: PackedImage | undefined, context: OutputContext): Promise<void> {
  const { tasks, store } = context
  switch (output.type) {
    case 'local':
      await tasks.run(`exporting files to ${output.folder}`, () => writeFiles(output, context))
      return
    case 'tar':
      await tasks.run(`exporting files to ${output.to.kind === 'stdout' ? 'standard output' : output.to.path}`, () =>
        writeFiles(output, context),
      )
      return
    case 'oci':
    case 'docker':
      await tasks.run(`exporting to ${output.type} image format`, () => writeArchive(output, needed(image), context))
      return
    case 'image': {
      const { descriptor } = needed(image).manifest
      for (const name of output.names) nameImage(store, name, descriptor)
      if (output.push)
        for (const name of output.names)
          await tasks.run(`pushing ${name}`, (report) => pushImage(name, needed(image), context, report))
      return
    }
    default:
      output satisfies never
  }
}

function nameImage(store: Store, name: string, descriptor: Descriptor): void {
  store.images.set(name, { descriptor, createdAt: new Date() })
}

function needed(image: PackedImage | undefined): PackedImage {
  if (image === undefined) throw new Error('the image was not packed')
  return image
}
