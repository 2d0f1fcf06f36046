import { assembleImage, type Document } from '../../cache/image/index.ts'
import type { LayerBlob } from '../../executor/index.ts'
import { asStream } from '../as-stream.ts'
import { dateHistory } from '../images/date-history.ts'
import type { OutputContext } from './write-outputs.ts'

/** An image whose documents and new layers are in the store. */
export interface PackedImage {
  readonly manifest: Document
  readonly config: Document
  readonly layers: readonly LayerBlob[]
  /** As its config says. */
  readonly created: Date | undefined
}

/** Packs the layers that are not packed yet, all at once, and writes config and manifest to the store. Layers of the base need not be here. */
export async function packImage({ plan, tree, solver, store }: OutputContext): Promise<PackedImage> {
  const layers = await Promise.all(tree.map((_, index) => solver.layers.ensure(tree, index, 'gzip')))
  const { history, created: newest } = dateHistory(plan.history, tree)
  const created = plan.created === undefined ? newest : new Date(plan.created)
  const { manifest, config } = assembleImage({ plan: { ...plan, history }, layers, created, mediaTypes: 'oci' })
  await Promise.all(
    [config, manifest].map(({ bytes, descriptor }) => store.blobs.put(asStream(bytes), { expect: descriptor.digest })),
  )
  return { manifest, config, layers, created }
}
