import { mediaTypes } from './image.ts'

export type LayerCompressionType = 'uncompressed' | 'gzip' | 'zstd'

/** How an image has the archive of a layer. Levels are those of gzip(1) and zstd(1). */
export type LayerCompression =
  { readonly type: 'uncompressed' } | { readonly type: 'gzip' | 'zstd'; readonly level: number }

/** Ranges of levels, and the one that is taken where none is asked for. gzip's takes half the time of its own usual one, 6, for two hundredths more bytes, and
 *  still makes what others make at theirs. */
export const compressionLevels = {
  gzip: { least: 0, most: 9, usual: 4 },
  zstd: { least: 0, most: 22, usual: 3 },
} as const

export const usualCompression: LayerCompression = { type: 'gzip', level: compressionLevels.gzip.usual }

/** Tells compressions apart: `uncompressed`, `gzip-4`. */
export function compressionName(compression: LayerCompression): string {
  return compression.type === 'uncompressed' ? compression.type : `${compression.type}-${compression.level}`
}

/** What OCI calls a layer that is stored so. */
export const layerTypes: Readonly<Record<LayerCompressionType, string>> = {
  uncompressed: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
}
