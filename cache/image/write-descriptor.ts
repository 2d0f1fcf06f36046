import type { Descriptor, DescriptorPlatform } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'
import { sortedMap } from './go-json.ts'

/** A descriptor with its members in the order of the Go type. Annotations only where there are any.
 *  @see https://github.com/opencontainers/image-spec/blob/main/specs-go/v1/descriptor.go */
export function writeDescriptor({ mediaType, digest, size, annotations, platform }: Descriptor): Descriptor {
  return {
    mediaType,
    digest,
    size,
    annotations: sortedMap(annotations),
    platform: platform === undefined ? undefined : writePlatform(platform),
  }
}

export function descriptorPlatform({ os, architecture, variant, osVersion }: Platform): DescriptorPlatform {
  return writePlatform({ os, architecture, variant, 'os.version': osVersion })
}

function writePlatform(platform: DescriptorPlatform): DescriptorPlatform {
  return {
    architecture: platform.architecture,
    os: platform.os,
    'os.version': platform['os.version'],
    variant: platform.variant,
  }
}
