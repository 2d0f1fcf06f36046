import { digestOf, type Digest } from '../../core/digest.ts'
import type { Vertex } from '../../core/graph.ts'
import type { GitOp, HttpOp } from '../../core/ops.ts'
import { hashFile } from '../files/hash-file.ts'
import type { Selection } from '../files/select-sources.ts'
import { digestSelection } from '../files/selection-digest.ts'
import { readerOfOutside, type OutsideTree } from './source-tree.ts'

/** Brings what the op names onto this machine, unless it is here. */
export type FetchSource = (op: GitOp | HttpOp) => Promise<OutsideTree>

/** What a build fetches besides images, each once. */
export class FetchedSources {
  readonly #fetch: FetchSource
  readonly #trees = new Map<string, Promise<OutsideTree>>()

  constructor(fetch: FetchSource) {
    this.#fetch = fetch
  }

  /** @throws {BuildError} as `FetchSource` does */
  treeOf({ id }: Pick<Vertex, 'id'>, op: GitOp | HttpOp): Promise<OutsideTree> {
    const known = this.#trees.get(id)
    if (known !== undefined) return known
    const fetching = this.#fetch(op)
    this.#trees.set(id, fetching)
    return fetching
  }

  /** The content of what is taken, so that a commit that leaves it alone changes nothing.
   *  @throws {BuildError} `COPY_SOURCE_MISSING` */
  async digest(vertex: Pick<Vertex, 'id'>, op: GitOp | HttpOp, selections: readonly Selection[]): Promise<Digest> {
    if (op.type === 'http') return op.digest
    const reader = readerOfOutside(await this.treeOf(vertex, op))
    return digestOf(selections.map((selection) => digestSelection(reader, selection, hashFile).digest).join())
  }
}
