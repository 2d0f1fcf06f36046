import type { FactStore } from '../../cache/facts/index.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import { digestHex, digestOf } from '../../core/digest.ts'
import type { Vertex } from '../../core/graph.ts'
import { layerName, type Tree } from '../../core/layer.ts'
import { RememberedTree, type TreeAnswers } from '../tree/remembered-tree.ts'
import { emptyTree, type TreeReader } from '../tree/tree-reader.ts'
import { opKeyOf } from './definition-keys.ts'

const kind = 'tree-answers'

/** What copies were told of the trees below them: a copy to the same place on the same tree, of files that have changed, is told the same, and need not ask. */
export class TreeMemory {
  readonly #facts: FactStore

  constructor(facts: FactStore) {
    this.#facts = facts
  }

  /** The tree as far as a step with this op has asked for it; `undefined`: none has. */
  find(tree: Tree, vertex: Vertex): TreeReader | undefined {
    if (tree.length === 0) return emptyTree
    const answers = this.#facts.find(kind, keyOf(tree, vertex)) as TreeAnswers | undefined
    return answers && new RememberedTree(answers)
  }

  put(tree: Tree, vertex: Vertex, answers: TreeAnswers): void {
    this.#facts.put(kind, keyOf(tree, vertex), answers)
  }
}

/** Layers are told apart by names that stand for their content, and what they are stacked on. */
function keyOf(tree: Tree, vertex: Vertex): string {
  const layers = tree.map((layer) => [layerName(layer), layer.kind === 'step' ? layer.base : 'below'])
  return digestHex(digestOf(canonicalJson({ layers, op: opKeyOf(vertex) })))
}
