import { setImmediate } from 'node:timers/promises'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { reachableFrom, vertexOf, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'
import type { Tree } from '../../core/layer.ts'
import type { ContextOp } from '../../core/ops.ts'
import type { ContextFolders } from '../sources/context-folders.ts'
import type { ContentKeys, StepInputs } from './content-keys.ts'
import { opKeyOf, type DefinitionKeys } from './definition-keys.ts'
import type { EarlierCopies } from './earlier-copies.ts'
import type { LayerDirectories } from './layer-directories.ts'
import { ingredientsOf, missReasons } from './miss-reasons.ts'
import { Records, type Ingredients } from './records.ts'
import { selectionsOf } from './selections.ts'

export interface MemoryParts {
  readonly graph: Graph
  readonly store: Store
  readonly contexts: ContextFolders
  readonly directories: LayerDirectories
  readonly definitionKeys: DefinitionKeys
  readonly contentKeys: ContentKeys
  readonly earlierCopies: EarlierCopies
  /** What the step of the vertex is called from build to build. */
  readonly stepName: (vertex: Vertex) => string
}

/** What is known of steps from earlier builds, and what later builds will know of this one's. */
export class StepMemory {
  readonly #parts: MemoryParts
  readonly #records: Records
  /** Steps whose result is not what their key says. */
  readonly #unreliable = new Set<VertexId>()
  /** Of steps that missed: asked for once to tell why, and once to keep them. */
  readonly #ingredientsOf = new Map<VertexId, Ingredients>()

  constructor(parts: MemoryParts) {
    this.#parts = parts
    this.#records = new Records(parts.store.facts)
  }

  /** The tree of a step with this key, all of whose layers can be had. */
  findByDefinition(vertex: Vertex, key: Digest): Tree | undefined {
    if (vertex.ignoreCache || this.#isFresh(vertex)) return undefined
    const tree = this.#records.find(key)?.tree
    return tree !== undefined && this.#parts.directories.isComplete(tree) ? tree : undefined
  }

  /** The tree of a step that did the same with the same content, though its definition was another. Its layer fits on today's base. */
  async findByContent(vertex: Vertex, key: Digest, inputs: StepInputs): Promise<Tree | undefined> {
    if (vertex.ignoreCache) return undefined
    const { directories, contentKeys } = this.#parts
    let today: Digest | undefined
    for (const other of this.#records.findAlike(opKeyOf(vertex))) {
      const record = this.#records.find(other)
      const layer = record?.tree.at(-1)
      if (record === undefined || layer === undefined || !directories.isComplete(record.tree)) continue
      const earlier: StepInputs = { trees: record.inputTrees, selections: record.selections }
      if (!sameSelections(earlier, inputs)) continue
      if (!earlier.trees.every((tree) => tree === null || directories.isComplete(tree))) continue
      // Inputs that were made just now are being packed by then, and need not be packed for their digests alone.
      await setImmediate()
      today ??= await contentKeys.of(vertex, inputs)
      const known = this.#records.findContentKey(other) ?? (await contentKeys.of(vertex, earlier))
      this.#records.putContentKey(other, known)
      if (known !== today) continue
      const tree = [...(inputs.trees[0] ?? []), layer]
      this.#records.putContentKey(key, today)
      this.#put(vertex, key, inputs, tree)
      return tree
    }
    return undefined
  }

  /** Why the step has to be carried out, compared with the last time, a phrase each. */
  whyMissed(vertex: Vertex, key: Digest): readonly string[] {
    return missReasons(this.#records.findIngredients(this.#parts.stepName(vertex)), this.#ingredients(vertex, key))
  }

  /** Keeps what a step yielded. One that copied files while they were being written to may not be taken for what its key says, nor may any step on
   *  top of it. */
  keep(vertex: Vertex, key: Digest, inputs: StepInputs, tree: Tree): void {
    if (!this.#isReliable(vertex)) {
      this.#unreliable.add(vertex.id)
      return
    }
    this.#put(vertex, key, inputs, tree)
    this.#parts.earlierCopies.keep(vertex)
  }

  /** What the failure of a step is to be told as. Files that change while they are copied make failures of every kind, which are nobody's bug. */
  explain(vertex: Vertex, error: unknown): unknown {
    const changed = error instanceof BuildError ? undefined : this.#findChanged(vertex)
    return changed === undefined ? error : this.#parts.contexts.changedMeanwhile(changed, error)
  }

  /** Writes what was put off. */
  flush(): void {
    this.#records.flush()
    this.#parts.earlierCopies.flush()
  }

  #isReliable(vertex: Vertex): boolean {
    const { graph } = this.#parts
    if (reachableFrom(graph, vertex.id).some(({ id }) => this.#unreliable.has(id))) return false
    return this.#findChanged(vertex) === undefined
  }

  /** A context of which the step has taken what is no longer what it was. */
  #findChanged(vertex: Vertex): ContextOp | undefined {
    const { graph, contexts, earlierCopies } = this.#parts
    const again = earlierCopies.findChanges(vertex)?.paths
    for (const { input, selection } of selectionsOf(vertex)) {
      const { op } = vertexOf(graph, vertex.inputs[input] as VertexId)
      if (op.type !== 'context') continue
      if (again === undefined ? !contexts.isUnchanged(op, selection) : !contexts.areUnchanged(op, again)) return op
    }
    return undefined
  }

  /** Whether something below was built without use of records: then records made with another result of it must not be found by definition. */
  #isFresh(vertex: Vertex): boolean {
    return reachableFrom(this.#parts.graph, vertex.id).some(
      ({ id, op, ignoreCache }) => id !== vertex.id && ignoreCache && (op.type === 'run' || op.type === 'files'),
    )
  }

  #put(vertex: Vertex, key: Digest, inputs: StepInputs, tree: Tree): void {
    const record = { tree, inputTrees: inputs.trees, selections: inputs.selections }
    this.#records.put(key, opKeyOf(vertex), record)
    this.#records.putIngredients(this.#parts.stepName(vertex), this.#ingredients(vertex, key))
  }

  #ingredients(vertex: Vertex, key: Digest): Ingredients {
    const known = this.#ingredientsOf.get(vertex.id)
    if (known !== undefined) return known
    const { graph, definitionKeys } = this.#parts
    const inputs = vertex.inputs
      .map((input) => vertexOf(graph, input))
      .filter(({ op }) => op.type !== 'context')
      .map(({ id, name }) => ({ name, key: definitionKeys.of(id) }))
    const ingredients = ingredientsOf(vertex, key, inputs, definitionKeys.takenFromContexts(vertex.id))
    this.#ingredientsOf.set(vertex.id, ingredients)
    return ingredients
  }
}

function sameSelections(a: StepInputs, b: StepInputs): boolean {
  const inputs = Object.keys(b.selections)
  return (
    inputs.length === Object.keys(a.selections).length &&
    inputs.every((input) => a.selections[input] === b.selections[input])
  )
}
