import { compressionName, type LayerCompression } from '../../core/layer-compression.ts'
import type { Output } from '../config/outputs.ts'

/** The ways in which outputs want new layers packed, each once; none if they want files alone. */
export function compressionsOf(outputs: readonly Output[]): readonly LayerCompression[] {
  const wanted = outputs.flatMap((output) => ('layers' in output ? [output.layers.compression] : []))
  return [...new Map(wanted.map((compression) => [compressionName(compression), compression])).values()]
}
