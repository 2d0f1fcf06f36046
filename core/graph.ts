import { canonicalJson } from './canonical-json.ts'
import { digestOf } from './digest.ts'
import { keyedOp, type Op } from './ops.ts'
import type { SourceRange } from './source-range.ts'

declare const brand: unique symbol

/** Names a vertex inside one graph: the hash of its op and its inputs. Equal vertices have equal ids, and so are one. */
export type VertexId = string & { readonly [brand]: 'VertexId' }

/** An op with its inputs. */
export interface Vertex {
  readonly id: VertexId
  readonly op: Op
  readonly inputs: readonly VertexId[]
  /** What people read: `[build 2/4] RUN make`. Not part of the id. */
  readonly name: string
  /** Which step of the Dockerfile this is, whatever it says today: `build 2/4 RUN`. Finds the step's earlier record when its key missed. */
  readonly step: string
  /** Where it comes from; the first place, when several instructions say the same. Not part of the id. */
  readonly source: SourceRange | undefined
  /** A stage that it is in is built without use of earlier records. */
  readonly ignoreCache: boolean
}

export interface Graph {
  /** Every vertex stands behind its inputs. */
  readonly vertices: ReadonlyMap<VertexId, Vertex>
}

export interface VertexLabel {
  readonly name: string
  readonly step?: string | undefined
  readonly source?: SourceRange | undefined
  readonly ignoreCache?: boolean | undefined
}

/** Collects vertices. Adding an equal one gives the one that is there. */
export class GraphBuilder {
  readonly #vertices = new Map<VertexId, Vertex>()

  add(op: Op, inputs: readonly VertexId[], label: VertexLabel): VertexId {
    for (const input of inputs) {
      if (!this.#vertices.has(input)) throw new Error('a vertex was added before its input')
    }
    const id = digestOf(canonicalJson({ op: keyedOp(op), inputs })).slice('sha256:'.length) as VertexId
    const { name, step = name, source, ignoreCache = false } = label
    const earlier = this.#vertices.get(id)
    if (earlier === undefined) this.#vertices.set(id, { id, op, inputs, name, step, source, ignoreCache })
    else if (ignoreCache) this.#vertices.set(id, { ...earlier, ignoreCache })
    return id
  }

  graph(): Graph {
    return { vertices: this.#vertices }
  }
}

/** All of the graphs' vertices in one graph. What two of them share is there once: the name and the place are the first one's. */
export function mergeGraphs(graphs: readonly Graph[]): Graph {
  const vertices = new Map<VertexId, Vertex>()
  for (const vertex of graphs.flatMap((graph) => [...graph.vertices.values()])) {
    const earlier = vertices.get(vertex.id)
    vertices.set(
      vertex.id,
      earlier === undefined ? vertex : { ...earlier, ignoreCache: earlier.ignoreCache || vertex.ignoreCache },
    )
  }
  return { vertices }
}

/** @throws {Error} for an id of another graph: our bug. */
export function vertexOf(graph: Graph, id: VertexId): Vertex {
  const vertex = graph.vertices.get(id)
  if (vertex === undefined) throw new Error(`the graph has no vertex ${id}`)
  return vertex
}

/** What the target needs, each vertex behind its inputs: nothing else is ever built. */
export function reachableFrom(graph: Graph, target: VertexId): readonly Vertex[] {
  const wanted = new Set<VertexId>()
  const open = [target]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (wanted.has(id)) continue
    wanted.add(id)
    open.push(...vertexOf(graph, id).inputs)
  }
  return [...graph.vertices.values()].filter((vertex) => wanted.has(vertex.id))
}
