import { systemCode } from '../../cache/disk/index.ts'
import { vertexOf, type Graph, type Vertex } from '../../core/graph.ts'
import type { PackedLayer } from '../diff/pack-layer.ts'
import { isSmallCopy } from '../files/is-small.ts'
import type { FilesSource } from '../ops/files.ts'
import type { PackFilesCall } from '../process/protocol.ts'
import type { ContextFolders } from '../sources/context-folders.ts'
import { NotRemembered } from '../tree/remembered-tree.ts'
import type { TreeReader } from '../tree/tree-reader.ts'

export type PackHere = Pick<PackFilesCall, 'op' | 'path' | 'nowNs' | 'compression' | 'former'>

/** What a step copies, if that is little and all from contexts. This process has looked at it already, for the key. */
export function findSmallSources(
  graph: Graph,
  { op, inputs }: Vertex,
  contexts: ContextFolders,
): readonly FilesSource[] | undefined {
  const sources: FilesSource[] = []
  for (const input of inputs.slice(1)) {
    const source = vertexOf(graph, input).op
    if (source.type !== 'context') return undefined
    sources.push({ reader: contexts.readerOf(source), keepsOwner: false })
  }
  return op.type === 'files' && isSmallCopy(op, sources) ? sources : undefined
}

/** Packs it in this process, before another would have begun to. `undefined`: nothing has been done, and the executor has to see what can be.
 *  @param lower what is known here of the tree below: its layers may be mounted where only the executor sees them, and have files that only its
 *  user namespace can read
 *  @throws {BuildError} as `packFiles()` */
export async function packHere(
  { op, path, nowNs, ...how }: PackHere,
  sources: readonly FilesSource[],
  lower: TreeReader,
): Promise<PackedLayer | undefined> {
  const { packFiles } = await import('../ops/pack-files.ts')
  try {
    return await packFiles({ op, sources, nowNs }, lower, path, how)
  } catch (error) {
    // A file that was there when it was looked at, perhaps: whoever looks anew knows better.
    if (systemCode(error) === undefined && !(error instanceof NotRemembered)) throw error
    return undefined
  }
}
