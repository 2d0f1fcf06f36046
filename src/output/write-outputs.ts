import type { Store } from '../../cache/store.ts'
import type { Descriptor } from '../../core/image.ts'
import { compressionName } from '../../core/layer-compression.ts'
import type { Solver } from '../../executor/index.ts'
import type { BuiltImage } from '../build.ts'
import type { LayerFormat } from '../config/layer-format.ts'
import type { Output } from '../config/outputs.ts'
import type { BuildServices } from '../services.ts'
import type { Tasks } from '../tasks.ts'
import { packImage, type BuiltPlatform, type PackedImage } from './pack-image.ts'

/** Everything that outputs are made from. */
export interface OutputContext extends Pick<
  BuildServices,
  'settings' | 'store' | 'images' | 'executor' | 'registries'
> {
  /** One for each platform, in the order asked for. */
  readonly built: readonly BuiltPlatform[]
  readonly solver: Solver
  readonly tasks: Tasks
  readonly signal: AbortSignal
  readonly stdout: NodeJS.WritableStream
}

/** Puts the result where it was asked for, one place after the other. Layers are packed once for each compression, and only if an output wants an image.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL`, and what registries answer */
export async function writeOutputs(
  built: readonly BuiltPlatform[],
  solver: Solver,
  { settings, store, images, executor, registries, surroundings }: BuildServices,
): Promise<BuiltImage> {
  const { tasks, signal, stdout } = surroundings
  const context = { built, solver, settings, store, images, executor, registries, tasks, signal, stdout }
  const packed = new PackedImages(context)
  for (const output of settings.outputs) if ('layers' in output) await packed.pack(output.layers)
  for (const output of settings.outputs) {
    signal.throwIfAborted()
    await writeOutput(output, packed, context)
  }
  const image = packed.first
  const names = settings.outputs.flatMap((output) => ('names' in output ? output.names : []))
  return {
    image: image && { descriptor: image.root.descriptor, configDigest: image.config?.descriptor.digest },
    names: [...new Set([...settings.tags, ...names])],
  }
}

/** The image, once for each way in which outputs want its layers. */
class PackedImages {
  readonly #context: OutputContext
  readonly #packed = new Map<string, PackedImage>()

  constructor(context: OutputContext) {
    this.#context = context
  }

  /** What the first output of an image has; `undefined`: there is none. */
  get first(): PackedImage | undefined {
    return this.#packed.values().next().value
  }

  async pack(format: LayerFormat): Promise<PackedImage> {
    const name = `${compressionName(format.compression)} ${format.force}`
    const known = this.#packed.get(name)
    if (known !== undefined) return known
    const image = await this.#context.tasks.run('exporting layers', () => packImage(format, this.#context))
    this.#packed.set(name, image)
    return image
  }
}

/** Each way out is loaded when it is used: a build that finds everything done needs none of them. */
async function writeOutput(output: Output, images: PackedImages, context: OutputContext): Promise<void> {
  const { tasks, store } = context
  switch (output.type) {
    case 'local':
    case 'tar': {
      const { writeFiles } = await import('./write-files.ts')
      await tasks.run('exporting files', () => writeFiles(output, context))
      return
    }
    case 'oci':
    case 'docker': {
      const { writeArchive } = await import('./write-archive.ts')
      const image = await images.pack(output.layers)
      await tasks.run(`exporting to ${output.type} image format`, () => writeArchive(output, image, context))
      return
    }
    case 'image': {
      const image = await images.pack(output.layers)
      for (const name of output.names) nameImage(store, name, image.root.descriptor)
      if (output.push) await pushAll(output.names, image, context)
      return
    }
    default:
      output satisfies never
  }
}

async function pushAll(names: readonly string[], image: PackedImage, context: OutputContext): Promise<void> {
  const { pushImage } = await import('./push-image.ts')
  for (const name of names)
    await context.tasks.run(`pushing ${name}`, (report) => pushImage(name, image, context, report))
}

function nameImage(store: Store, name: string, descriptor: Descriptor): void {
  store.images.set(name, { descriptor, createdAt: new Date() })
}
