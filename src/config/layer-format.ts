import { BuildError } from '../../core/errors.ts'
import { compressionLevels, usualCompression, type LayerCompression } from '../../core/layer-compression.ts'
import type { OutputRequest } from './request.ts'

/** How an image has its layers. */
export interface LayerFormat {
  readonly compression: LayerCompression
  /** Layers of base images too, which else stay as they are. */
  readonly force: boolean
}

export const usualFormat: LayerFormat = { compression: usualCompression, force: false }

type LayerRequest = Pick<OutputRequest, 'compression' | 'compressionLevel' | 'forceCompression'>

/** @returns `usualFormat` itself where nothing is asked for
 *  @throws {BuildError} `OPTION_INVALID` */
export function resolveLayerFormat(request: LayerRequest): LayerFormat {
  const { compression, compressionLevel, forceCompression: force } = request
  if (compression === undefined && compressionLevel === undefined && force === undefined) return usualFormat
  return { compression: resolveCompression(compression ?? 'gzip', compressionLevel), force: force ?? false }
}

function resolveCompression(type: string, level: number | undefined): LayerCompression {
  switch (type) {
    case 'uncompressed':
      if (level !== undefined) throw invalid('An uncompressed layer has no compression level')
      return { type }
    case 'gzip':
    case 'zstd': {
      const { least, most, usual } = compressionLevels[type]
      if (level !== undefined && !(Number.isInteger(level) && level >= least && level <= most))
        throw invalid(`A level of ${type} must be a whole number from ${least} to ${most}; got ${level}`)
      return { type, level: level ?? usual }
    }
    default:
      throw invalid(`The compression of layers must be one of ${names}; got ${JSON.stringify(type)}`)
  }
}

const names = 'uncompressed, gzip and zstd'

function invalid(message: string): BuildError {
  return new BuildError('OPTION_INVALID', message, {
    hint: 'Write it as type=oci,dest=app.tar,compression=zstd,compression-level=3.',
  })
}
