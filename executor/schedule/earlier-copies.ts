import { existsSync } from 'node:fs'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import type { Vertex, VertexId } from '../../core/graph.ts'
import { layerName, type Tree } from '../../core/layer.ts'
import type { SelectionIngredient } from '../files/selection-digest.ts'
import { opKeyOf, type DefinitionKeys } from './definition-keys.ts'
import type { LayerDirectories } from './layer-directories.ts'

/** What a copy has left as an image: to take it up again, all else has to be the same. */
interface EarlierCopy {
  /** Id of the layer. */
  readonly layer: string
  readonly opKey: Digest
  /** Names of the layers that it went onto. */
  readonly below: readonly string[]
  /** Path in the context -> everything about it that the copy keeps, its times too. */
  readonly files: Readonly<Record<string, string>>
}

/** What has to be copied again. */
export interface Changes {
  /** Id of the earlier layer. */
  readonly layer: string
  /** Paths in the context of what is new, or not the same any more. */
  readonly paths: readonly string[]
}

/** If more than this part of it has changed, a copy is made from scratch. */
const largestPart = 1 / 8

/** Large copies of earlier builds, one for each step: when a few of the files have changed, only these are copied again. */
export class EarlierCopies {
  readonly #store: Store
  readonly #directories: LayerDirectories
  readonly #definitionKeys: DefinitionKeys
  readonly #stepName: (vertex: Vertex) => string
  readonly #made = new Map<VertexId, () => void>()
  readonly #changes = new Map<VertexId, Changes>()
  readonly #kept: (() => void)[] = []

  constructor(
    store: Store,
    directories: LayerDirectories,
    definitionKeys: DefinitionKeys,
    stepName: (vertex: Vertex) => string,
  ) {
    this.#store = store
    this.#directories = directories
    this.#definitionKeys = definitionKeys
    this.#stepName = stepName
  }

  /** What today's copy has to take again, if an earlier one is there that nothing else speaks against. */
  find(vertex: Vertex, base: Tree): Changes | undefined {
    const taken = vertex.ignoreCache ? undefined : this.#takenBy(vertex)
    if (taken === undefined) return undefined
    const earlier = this.#store.facts.find('copy', this.#stepName(vertex)) as EarlierCopy | undefined
    if (earlier === undefined || !existsSync(this.#directories.imageOfStep(earlier.layer))) return undefined
    if (earlier.opKey !== opKeyOf(vertex) || earlier.below.join() !== base.map(layerName).join()) return undefined
    const paths = changedPaths(earlier.files, taken)
    return paths && { layer: earlier.layer, paths }
  }

  /** To be told when these were copied again. */
  noteChanges(vertex: Vertex, changes: Changes): void {
    this.#changes.set(vertex.id, changes)
  }

  /** What the step has read of its context; `undefined`: all that it takes. */
  findChanges(vertex: Vertex): Changes | undefined {
    return this.#changes.get(vertex.id)
  }

  /** To be told when a copy has left an image. */
  noteImage(vertex: Vertex, base: Tree, layer: string): void {
    const taken = this.#takenBy(vertex)
    if (taken === undefined) return
    this.#made.set(vertex.id, () => {
      const files = Object.fromEntries(taken.map((ingredient) => [ingredient.path, describe(ingredient)]))
      const copy: EarlierCopy = { layer, opKey: opKeyOf(vertex), below: base.map(layerName), files }
      this.#store.facts.put('copy', this.#stepName(vertex), copy)
    })
  }

  /** To be told when the image is known to have what the context had. */
  keep(vertex: Vertex): void {
    const made = this.#made.get(vertex.id)
    if (made !== undefined) this.#kept.push(made)
  }

  /** Writes what was put off. */
  flush(): void {
    for (const write of this.#kept.splice(0)) write()
  }

  /** Only of copies that put each entry to a place of its own: one directory of one context, and no file of several names. */
  #takenBy(vertex: Vertex): readonly SelectionIngredient[] | undefined {
    const { op } = vertex
    const [action, ...others] = op.type === 'files' ? op.actions : []
    if (action?.action !== 'copy' || action.unpack === 'auto' || others.length > 0) return undefined
    const [taken, ...more] = this.#definitionKeys.takenFromContexts(vertex.id).get(action.from) ?? []
    if (taken === undefined || more.length > 0) return undefined
    const { ingredients } = taken
    const [root, ...inside] = ingredients
    if (root?.entry.type !== 'directory') return undefined
    const start = root.path === '' ? '' : `${root.path}/`
    const isOne = inside.every(({ path, entry }) => path.startsWith(start) && path !== root.path && !isLinked(entry))
    return isOne && new Set(inside.map(({ path }) => path)).size === inside.length ? ingredients : undefined
  }
}

function isLinked({ type, linkCount }: SelectionIngredient['entry']): boolean {
  return type !== 'directory' && linkCount > 1
}

function describe({ content, entry }: SelectionIngredient): string {
  return `${entry.mtimeNs} ${content}`
}

/** `undefined`: something is gone, or of another type, or it is too much. */
function changedPaths(
  earlier: EarlierCopy['files'],
  taken: readonly SelectionIngredient[],
): readonly string[] | undefined {
  const before = new Map(Object.entries(earlier))
  const changed = taken.filter((ingredient) => before.get(ingredient.path) !== describe(ingredient))
  if (taken.filter(({ path }) => before.has(path)).length < before.size) return undefined
  if (changed.length > largestPart * taken.length || bytesOf(changed) > largestPart * bytesOf(taken)) return undefined
  const sameType = changed.every(({ path, content, entry: { type } }) => {
    const earlierType = before.get(path)?.split(' ')[1]
    return isCopied(type) && (earlierType === undefined || earlierType === content.split(' ')[0])
  })
  return sameType ? changed.map(({ path }) => path) : undefined
}

function isCopied(type: SelectionIngredient['entry']['type']): boolean {
  return type === 'file' || type === 'directory' || type === 'symlink'
}

function bytesOf(taken: readonly SelectionIngredient[]): number {
  return taken.reduce((sum, { entry }) => sum + (entry.type === 'file' ? entry.sizeBytes : 0), 0)
}
