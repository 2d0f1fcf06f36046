import type { Mount, RunOp, FilesOp } from '../../core/ops.ts'
import type { Vertex } from '../../core/graph.ts'
import type { Selection } from '../files/select-sources.ts'

/** What a step takes from one of its inputs. */
export interface InputSelection {
  /** Index into the vertex's inputs. */
  readonly input: number
  readonly selection: Selection
}

/** What the step takes from inputs that are not the tree it works on: copied paths and mounted ones. */
export function selectionsOf(vertex: Vertex): readonly InputSelection[] {
  switch (vertex.op.type) {
    case 'files':
      return copied(vertex.op)
    case 'run':
      return mounted(vertex.op)
    case 'scratch':
    case 'image':
    case 'context':
    case 'git':
    case 'http':
    case 'merge':
      return []
    default:
      return vertex.op satisfies never
  }
}

function copied(op: FilesOp): readonly InputSelection[] {
  return op.actions.flatMap((action) => {
    if (action.action !== 'copy') return []
    const { sources, wildcards, excludes, parents } = action
    return [{ input: action.from, selection: { sources, wildcards, excludes, parents } }]
  })
}

function mounted(op: RunOp): readonly InputSelection[] {
  return op.mounts.flatMap(sourceOf).map(({ from, source }) => ({
    input: from,
    selection: { sources: [source], wildcards: false, excludes: [], parents: false },
  }))
}

function sourceOf(mount: Mount): readonly { readonly from: number; readonly source: string }[] {
  switch (mount.kind) {
    case 'bind':
      return [mount]
    case 'cache':
      return mount.seed === undefined ? [] : [mount.seed]
    case 'file':
    case 'tmpfs':
    case 'secret':
    case 'ssh':
      return []
    default:
      return mount satisfies never
  }
}
