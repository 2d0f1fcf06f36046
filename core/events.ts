import type { VertexId } from './graph.ts'
import type { SourceRange } from './source-range.ts'

/** How a vertex ended. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'cached'; readonly by: 'definition' | 'content' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'canceled' }

/** Progress, as data. Times are milliseconds since the build began. */
export type BuildEvent =
  | { readonly type: 'vertex-started'; readonly vertex: VertexId; readonly name: string; readonly atMs: number }
  | {
      readonly type: 'vertex-output'
      readonly vertex: VertexId
      readonly stream: 'stdout' | 'stderr'
      readonly chunk: Uint8Array
      readonly atMs: number
    }
  /** Why the step was not taken from the cache, a phrase each: `src/app.ts changed`. Empty for a step that was never carried out before. */
  | {
      readonly type: 'vertex-missed'
      readonly vertex: VertexId
      readonly reasons: readonly string[]
      readonly atMs: number
    }
  | { readonly type: 'vertex-finished'; readonly vertex: VertexId; readonly outcome: Outcome; readonly atMs: number }
  /** Work beside the graph: reading the Dockerfile, resolving an image, packing a layer, writing an output. */
  | { readonly type: 'task-started'; readonly task: string; readonly name: string; readonly atMs: number }
  | {
      readonly type: 'task-progress'
      readonly task: string
      readonly detail: string
      /** Bytes; `totalBytes` is `undefined` while it is unknown. */
      readonly doneBytes: number
      readonly totalBytes: number | undefined
      readonly atMs: number
    }
  | { readonly type: 'task-finished'; readonly task: string; readonly outcome: Outcome; readonly atMs: number }
  | { readonly type: 'warning'; readonly warning: Warning; readonly atMs: number }

export interface Warning {
  /** The rule's name, such as `UndefinedVar`, or `undefined` for a warning of the machinery. */
  readonly rule: string | undefined
  readonly message: string
  readonly url: string | undefined
  readonly source: SourceRange | undefined
}
