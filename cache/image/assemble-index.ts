import type { Descriptor } from '../../core/image.ts'
import { documentOf, type Document } from './assemble-image.ts'
import { goJson, sortedMap } from './go-json.ts'
import { indexTypeIn, type MediaTypeFamily } from './media-type-family.ts'
import { writeDescriptor } from './write-descriptor.ts'

export interface IndexParts {
  /** In the order in which they are written. Each names its platform, as `assembleImage` gives it. */
  readonly manifests: readonly Descriptor[]
  readonly mediaTypes: MediaTypeFamily
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export function assembleIndex({ manifests, mediaTypes, annotations }: IndexParts): Document {
  const index = {
    schemaVersion: 2,
    mediaType: indexTypeIn(mediaTypes),
    manifests: manifests.map(writeDescriptor),
    annotations: sortedMap(annotations),
  }
  return documentOf(index.mediaType, goJson(index, '  '))
}
