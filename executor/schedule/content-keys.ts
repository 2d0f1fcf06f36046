import { canonicalJson } from '../../core/canonical-json.ts'
import { digestOf, type Digest } from '../../core/digest.ts'
import type { Vertex } from '../../core/graph.ts'
import type { Tree } from '../../core/layer.ts'
import type { Executor } from '../process/client.ts'
import { opKeyOf } from './definition-keys.ts'
import type { LayerBlobs } from './layer-blobs.ts'
import type { LayerDirectories } from './layer-directories.ts'
import { selectionsOf } from './selections.ts'

/** What a step was, or is, given: the trees of its inputs, and what it took from outside. */
export interface StepInputs {
  /** One for each input; `null` stands for what comes from outside: a context, a checkout, a download. */
  readonly trees: readonly (Tree | null)[]
  /** By input: the digest of what was taken from outside. */
  readonly selections: Readonly<Record<string, Digest>>
}

/** Content keys: hashes of an op with the content that it sees, however that came to be. Costly, since layers have to be read, and so computed only
 *  for a step that has an earlier one to compare with. */
export class ContentKeys {
  readonly #directories: LayerDirectories
  readonly #blobs: LayerBlobs
  readonly #executor: () => Promise<Executor>
  readonly #signal: AbortSignal

  constructor(
    directories: LayerDirectories,
    blobs: LayerBlobs,
    executor: () => Promise<Executor>,
    signal: AbortSignal,
  ) {
    this.#directories = directories
    this.#blobs = blobs
    this.#executor = executor
    this.#signal = signal
  }

  async of(vertex: Vertex, inputs: StepInputs): Promise<Digest> {
    const [base = null] = inputs.trees
    const layers = base === null ? [] : await Promise.all(base.map((_, index) => this.#blobs.diffIdOf(base, index)))
    const taken = await Promise.all(
      selectionsOf(vertex).map(async ({ input, selection }) => {
        const tree = inputs.trees[input] ?? null
        if (tree === null) return inputs.selections[input] ?? null
        const [executor, paths] = await Promise.all([this.#executor(), this.#directories.ensure(tree)])
        const request = { source: { kind: 'layers', layers: paths }, selection } as const
        return executor.call('digestSelection', request, { signal: this.#signal })
      }),
    )
    return digestOf(canonicalJson({ op: opKeyOf(vertex), layers, taken }))
  }
}
