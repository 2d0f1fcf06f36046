import { assembleImage, assembleIndex, type Document } from '../../cache/image/index.ts'
import type { ImagePlan } from '../../core/image.ts'
import type { Tree } from '../../core/layer.ts'
import type { LayerBlob } from '../../executor/index.ts'
import { asStream } from '../as-stream.ts'
import { annotationsAt } from '../config/annotations.ts'
import type { LayerFormat } from '../config/layer-format.ts'
import { dateHistory } from '../images/date-history.ts'
import type { OutputContext } from './write-outputs.ts'

/** An image whose documents and new layers are in the store. */
export interface PackedImage {
  /** The manifest; of an image for several platforms, the index. */
  readonly root: Document
  /** `undefined` for several platforms: each has one. */
  readonly config: Document | undefined
  /** Of all platforms. */
  readonly layers: readonly LayerBlob[]
  /** The newest that the configs say. */
  readonly created: Date | undefined
}

/** What was built for one platform. */
export interface BuiltPlatform {
  readonly plan: ImagePlan
  readonly tree: Tree
}

/** Packs the layers that are not packed yet, all at once, and writes configs, manifests and, for several platforms, an index of them to the store. Layers of the
 *  base need not be here.
 *  @throws {BuildError} what packing throws */
export async function packImage(format: LayerFormat, context: OutputContext): Promise<PackedImage> {
  const images = await Promise.all(context.built.map((built) => packPlatform(built, format, context)))
  const [only, ...others] = images
  if (only !== undefined && others.length === 0) return only
  const { annotations } = context.settings
  const root = assembleIndex({
    manifests: images.map(({ root: manifest }, index) => ({
      ...manifest.descriptor,
      annotations: annotationsAt(annotations, 'manifest-descriptor', context.built[index]?.plan.platform),
    })),
    mediaTypes: 'oci',
    annotations: annotationsAt(annotations, 'index'),
  })
  await keep(root, context)
  const times = images.flatMap(({ created }) => created?.getTime() ?? [])
  return {
    root,
    config: undefined,
    layers: images.flatMap(({ layers }) => layers),
    created: times.length === 0 ? undefined : new Date(Math.max(...times)),
  }
}

async function packPlatform(
  { plan, tree }: BuiltPlatform,
  { compression, force }: LayerFormat,
  context: OutputContext,
): Promise<PackedImage> {
  const { layers: blobs } = context.solver
  const layers = await Promise.all(
    tree.map((_, index) =>
      force ? blobs.ensureForced(tree, index, compression) : blobs.ensure(tree, index, compression),
    ),
  )
  const { history, created: newest } = dateHistory(plan.history, tree)
  const created = plan.created === undefined ? newest : new Date(plan.created)
  const { manifest, config } = assembleImage({
    plan: { ...plan, history },
    layers,
    created,
    mediaTypes: 'oci',
    annotations: annotationsAt(context.settings.annotations, 'manifest', plan.platform),
  })
  await Promise.all([config, manifest].map((document) => keep(document, context)))
  return { root: manifest, config, layers, created }
}

async function keep({ bytes, descriptor }: Document, { store }: OutputContext): Promise<void> {
  await store.blobs.put(asStream(bytes), { expect: descriptor.digest })
}
