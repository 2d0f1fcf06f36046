import type { Output } from './builder.ts'

/** For stave and for `docker build`, which has the same ones. */
export function outputFlags(output: Output): readonly string[] {
  switch (output.kind) {
    case 'store':
      return []
    case 'archive':
      return ['--output', `type=oci,dest=${output.path},compression=${output.compression ?? 'gzip'}`]
    case 'registry':
      return ['--push']
    default:
      return output satisfies never
  }
}
