import { canonicalJson } from '../../core/canonical-json.ts'
import { digestOf, type Digest } from '../../core/digest.ts'
import { vertexOf, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'
import { keyedOp, type ContextOp } from '../../core/ops.ts'
import type { SelectionDigest } from '../files/selection-digest.ts'
import type { Selection } from '../files/select-sources.ts'
import { selectionsOf } from './selections.ts'

/** Changes when a key's making changes, so that older records are not mistaken for today's. */
const keyVersion = 1

export type DigestContext = (op: ContextOp, selection: Selection) => SelectionDigest

/** A key that cannot be computed. */
export class KeyFailure extends Error {
  override readonly name = 'KeyFailure'
  /** Whose own files are at fault, not those of a step below it. */
  readonly vertex: Vertex

  constructor(vertex: Vertex, cause: unknown) {
    super(`no key for ${vertex.name}`, { cause })
    this.vertex = vertex
  }
}

/** The key of an op alone, whatever it is applied to. */
export function opKeyOf(vertex: Vertex): Digest {
  return digestOf(canonicalJson({ keyVersion, op: keyedOp(vertex.op) }))
}

/** Definition keys of a graph's vertices, each computed once. Known before anything runs: sources are pinned, and of a context just the files that
 *  a step takes are read. */
export class DefinitionKeys {
  readonly #graph: Graph
  readonly #digestContext: DigestContext
  readonly #keys = new Map<VertexId, Digest>()
  readonly #taken = new Map<VertexId, ReadonlyMap<number, readonly SelectionDigest[]>>()

  constructor(graph: Graph, digestContext: DigestContext) {
    this.#graph = graph
    this.#digestContext = digestContext
  }

  /** @throws {KeyFailure} because of what a step takes from a context: `COPY_SOURCE_MISSING` */
  of(id: VertexId): Digest {
    const known = this.#keys.get(id)
    if (known !== undefined) return known
    const vertex = vertexOf(this.#graph, id)
    const taken = this.takenFromContexts(id)
    const inputs = vertex.inputs.map((input, index) => taken.get(index)?.map(({ digest }) => digest) ?? this.of(input))
    const key = digestOf(canonicalJson({ keyVersion, op: keyedOp(vertex.op), inputs }))
    this.#keys.set(id, key)
    return key
  }

  /** What the step takes from each of its inputs that is a context, in the order of its actions.
   *  @throws {KeyFailure} */
  takenFromContexts(id: VertexId): ReadonlyMap<number, readonly SelectionDigest[]> {
    const known = this.#taken.get(id)
    if (known !== undefined) return known
    const vertex = vertexOf(this.#graph, id)
    const taken = new Map<number, SelectionDigest[]>()
    for (const { input, selection } of selectionsOf(vertex)) {
      const source = vertex.inputs[input]
      if (source === undefined) throw new Error(`vertex ${vertex.name} has no input ${input}`)
      const { op } = vertexOf(this.#graph, source)
      if (op.type !== 'context') continue
      taken.set(input, [...(taken.get(input) ?? []), this.#digestFor(vertex, op, selection)])
    }
    this.#taken.set(id, taken)
    return taken
  }
  #digestFor(vertex: Vertex, op: ContextOp, selection: Selection): SelectionDigest {
    try {
      return this.#digestContext(op, selection)
    } catch (error) {
      throw new KeyFailure(vertex, error)
    }
  }
}
