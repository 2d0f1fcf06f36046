import type { Descriptor } from './image.ts'
import type { Digest } from './digest.ts'

/** One diff of a tree: either a layer of an image, known by its content from the start, or what a step changed, whose
 *  content is hashed only when somebody needs it. */
export type Layer =
  | {
      readonly kind: 'image'
      /** Digest of the uncompressed tar. */
      readonly diffId: Digest
      /** The layer as its image has it. */
      readonly blob: Descriptor
    }
  | {
      readonly kind: 'step'
      /** 32 hex digits, drawn at random when the step began. */
      readonly id: string
      /** What it is a diff of: the layers below it, or nothing, so that it is the same layer wherever it is stacked (`COPY --link`). */
      readonly base: 'below' | 'empty'
      /** When the step ended, milliseconds since the epoch: the image says so, and a cached build says the same again. */
      readonly createdAtMs: number
    }

/** The root file system that a vertex yields: layers from the lowest to the topmost. */
export type Tree = readonly Layer[]

/** The layer's name in the store: a valid file name. */
export function layerName(layer: Layer): string {
  switch (layer.kind) {
    case 'image':
      return layer.diffId.slice('sha256:'.length)
    case 'step':
      return layer.id
    default:
      return layer satisfies never
  }
}
