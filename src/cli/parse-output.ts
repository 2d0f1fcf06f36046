import { BuildError } from '../../core/errors.ts'
import type { LayerCompressionType } from '../../core/layer-compression.ts'
import type { OutputRequest, OutputType } from '../config/request.ts'
import { parseCsvPairs } from './parse-csv.ts'

/** One `--output`: `type=oci,dest=app.tar`; `-` for an archive of the files on standard output; a path for the files in a folder.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseOutput(text: string): OutputRequest {
  if (text === '-') return { type: 'tar', dest: '-' }
  const pairs = parseCsvPairs(text)
  const [first] = pairs
  if (pairs.length === 1 && first !== undefined && first[1] === undefined) return { type: 'local', dest: first[0] }
  return pairs.reduce<OutputRequest>((output, [name, value]) => withAttribute(output, name, value, text), {
    type: typeOf(pairs, text),
  })
}

function typeOf(pairs: readonly (readonly [string, string | undefined])[], text: string): OutputType {
  const type = pairs.find(([name]) => name === 'type')?.[1]
  if (type === undefined) throw invalid(text, 'it has no type')
  return type as OutputType // resolveOutputs() refuses what is none
}

function withAttribute(output: OutputRequest, name: string, value: string | undefined, text: string): OutputRequest {
  switch (name) {
    case 'type':
      return output
    case 'dest':
      return { ...output, dest: value ?? '' }
    case 'name':
      return { ...output, name: (value ?? '').split(',').filter((part) => part !== '') }
    case 'push':
      return { ...output, push: parseBoolean(name, value, text) }
    case 'tar':
      return { ...output, tar: parseBoolean(name, value, text) }
    case 'compression':
      return { ...output, compression: (value ?? '') as LayerCompressionType } // resolveOutputs() refuses what is none
    case 'compression-level':
      return { ...output, compressionLevel: parseLevel(name, value, text) }
    case 'force-compression':
      return { ...output, forceCompression: parseBoolean(name, value, text) }
    default:
      throw invalid(text, `there is no attribute ${JSON.stringify(name)}`)
  }
}

function parseBoolean(name: string, value: string | undefined, text: string): boolean {
  if (value === undefined || value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw invalid(text, `"${name}" is true or false, not ${JSON.stringify(value)}`)
}

function parseLevel(name: string, value: string | undefined, text: string): number {
  if (value !== undefined && /^\d{1,3}$/.test(value)) return Number(value)
  throw invalid(text, `"${name}" is a whole number, not ${JSON.stringify(value ?? '')}`)
}

function invalid(text: string, why: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot read the output ${JSON.stringify(text)}: ${why}`, {
    hint: 'Write it as type=oci,dest=app.tar; the types are image, registry, oci, docker, local and tar.',
  })
}
