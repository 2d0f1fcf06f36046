import { BuildError } from '../../core/errors.ts'
import type { Descriptor, DescriptorPlatform, ImageIndex } from '../../core/image.ts'
import { findBestPlatform, formatPlatform, normalisePlatform, type Platform } from '../../core/platform.ts'
import { isIndexType } from './media-type.ts'

/** The index's entry that serves the platform best. An entry that names no platform is taken when there is no other.
 *  @throws {BuildError} `PLATFORM_NOT_FOUND` */
export function chooseManifest(index: ImageIndex, wanted: Platform, what: string): Descriptor {
  const offers = index.manifests.flatMap((descriptor) =>
    descriptor.platform === undefined ? [] : [{ descriptor, platform: platformOf(descriptor.platform) }],
  )
  const best = findBestPlatform(offers, wanted)
  if (best !== undefined) return best.descriptor
  const unnamed = index.manifests.filter(({ platform }) => platform === undefined)
  const nested = unnamed.find(({ mediaType }) => isIndexType(mediaType))
  const only = nested ?? (unnamed.length === 1 ? unnamed[0] : undefined)
  if (only !== undefined) return only
  const names = new Set(offers.map(({ platform }) => formatPlatform(normalisePlatform(platform))))
  names.delete('unknown/unknown') // attestations
  throw new BuildError('PLATFORM_NOT_FOUND', `Cannot use ${what}: it has no image for ${formatPlatform(wanted)}`, {
    hint: names.size === 0 ? 'It lists no image at all.' : `It has images for ${[...names].join(', ')}.`,
  })
}

export function platformOf(platform: DescriptorPlatform): Platform {
  return {
    os: platform.os,
    architecture: platform.architecture,
    variant: platform.variant,
    osVersion: platform['os.version'],
  }
}
