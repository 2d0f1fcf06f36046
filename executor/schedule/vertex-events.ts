import { BuildError } from '../../core/errors.ts'
import type { BuildEvent, Outcome } from '../../core/events.ts'
import { reachableFrom, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'

/** Tells how vertices fare. Each is told of once. */
export class VertexEvents {
  readonly #graph: Graph
  readonly #emit: (event: BuildEvent) => void
  readonly #now: () => number
  readonly #signal: AbortSignal
  readonly #told = new Set<VertexId>()

  /** @param now milliseconds since the build began; @param signal its reason is what vertices end with that are canceled */
  constructor(graph: Graph, emit: (event: BuildEvent) => void, now: () => number, signal: AbortSignal) {
    this.#graph = graph
    this.#emit = emit
    this.#now = now
    this.#signal = signal
  }

  /** Tells of the vertex while it is worked on, however that ends. */
  async observe<T>(vertex: Vertex, act: () => Promise<T>): Promise<T> {
    this.#started(vertex)
    try {
      const result = await act()
      this.#finished(vertex, { kind: 'done' })
      return result
    } catch (error) {
      const isCanceled = this.#signal.aborted && error === this.#signal.reason
      this.#finished(vertex, isCanceled ? { kind: 'canceled' } : outcomeOf(error))
      throw error
    }
  }

  /** One that could not even begin. */
  failed(vertex: Vertex, error: unknown): void {
    this.#started(vertex)
    this.#finished(vertex, outcomeOf(error))
  }

  /** One found by its definition stands for all below it, which nobody looks at then. */
  cached(vertex: Vertex, by: 'definition' | 'content'): void {
    for (const below of reachableFrom(this.#graph, vertex.id)) {
      if (this.#told.has(below.id) || below.op.type === 'scratch' || below.op.type === 'context') continue
      if (below.id !== vertex.id && by === 'content') continue
      this.#started(below)
      this.#finished(below, { kind: 'cached', by })
    }
  }

  missed({ id }: Vertex, reasons: readonly string[]): void {
    this.#emit({ type: 'vertex-missed', vertex: id, reasons, atMs: this.#now() })
  }

  output({ id }: Vertex, stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    this.#emit({ type: 'vertex-output', vertex: id, stream, chunk, atMs: this.#now() })
  }

  #started({ id, name }: Vertex): void {
    this.#told.add(id)
    this.#emit({ type: 'vertex-started', vertex: id, name, atMs: this.#now() })
  }

  #finished({ id }: Vertex, outcome: Outcome): void {
    this.#emit({ type: 'vertex-finished', vertex: id, outcome, atMs: this.#now() })
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof BuildError) return { kind: 'failed', code: error.code, message: error.message }
  return { kind: 'failed', code: 'BUG', message: error instanceof Error ? error.message : String(error) }
}
