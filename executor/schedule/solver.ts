import { setImmediate } from 'node:timers/promises'
import type { Store } from '../../cache/store.ts'
import { digestHex, digestOf, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { BuildEvent } from '../../core/events.ts'
import { vertexOf, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'
import type { Layer, Tree } from '../../core/layer.ts'
import type { LayerCompression } from '../../core/layer-compression.ts'
import type { ImageOp } from '../../core/ops.ts'
import type { Platform } from '../../core/platform.ts'
import type { Executor } from '../process/client.ts'
import type { ContextFolders } from '../sources/context-folders.ts'
import { FetchedSources, type FetchSource } from '../sources/fetched-sources.ts'
import { ContentKeys, type StepInputs } from './content-keys.ts'
import { DefinitionKeys, KeyFailure } from './definition-keys.ts'
import { EarlierCopies } from './earlier-copies.ts'
import { LayerBlobs } from './layer-blobs.ts'
import { LayerDirectories, type FetchBlob } from './layer-directories.ts'
import type { RunProvisions } from './run-supplies.ts'
import { selectionsOf } from './selections.ts'
import { StepMemory } from './step-memory.ts'
import { StepWork } from './step-work.ts'
import { VertexEvents } from './vertex-events.ts'

export interface SolverServices {
  readonly store: Store
  readonly contexts: ContextFolders
  /** Starts the executor process when it is first called. */
  readonly executor: () => Promise<Executor>
  /** Waited for before a step that runs a process. */
  readonly prepareSandbox: () => Promise<void>
  /** Called as soon as it is known that a process will run. */
  readonly warmUp: () => void
  /** Called as soon as it is known that a large copy will be carried out. */
  readonly warmUpCopies: () => void
  /** @throws {BuildError} `PLATFORM_CANNOT_RUN` where neither this machine nor an emulator runs the platform's programs */
  readonly checkPlatform: (platform: Platform) => void
  /** The layers of a pinned image; no blob of a layer has to be here. */
  readonly treeOfImage: (op: ImageOp) => Promise<Tree>
  readonly fetchBlob: FetchBlob
  readonly fetchSource: FetchSource
  readonly provisions: RunProvisions
  readonly emit: (event: BuildEvent) => void
  /** Milliseconds since the build began. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** Tells builds of different Dockerfiles apart, so that each compares a missed step with its own earlier one. */
  readonly scope: string
  /** How layers of the target's own chain are packed while later steps run; empty if no image is wanted. */
  readonly packEarly: readonly LayerCompression[]
}

/** Turns a graph's vertices into trees: what is recorded is taken, what is not is carried out, independent vertices at the same time, equal ones
 *  once. The first failure stops the others, is waited out, and is thrown. */
export class Solver {
  readonly layers: LayerBlobs
  readonly directories: LayerDirectories
  readonly #graph: Graph
  readonly #services: SolverServices
  readonly #abort = new AbortController()
  readonly #signal: AbortSignal
  readonly #definitionKeys: DefinitionKeys
  readonly #fetched: FetchedSources
  readonly #events: VertexEvents
  readonly #memory: StepMemory
  readonly #work: StepWork
  readonly #solved = new Map<VertexId, Promise<Tree>>()
  /** What is done with the results of steps when those that wait for them have begun. */
  readonly #keeping: Promise<void>[] = []
  /** The target and the vertices that its layers come from. */
  readonly #chain = new Set<VertexId>()

  constructor(graph: Graph, services: SolverServices) {
    this.#graph = graph
    this.#services = services
    const signal = AbortSignal.any([services.signal, this.#abort.signal])
    const { store, contexts, executor, prepareSandbox, warmUpCopies, provisions, fetchBlob, scope } = services
    this.#signal = signal
    const definitionKeys = new DefinitionKeys(graph, (op, selection) => contexts.digest(op, selection))
    const fetched = new FetchedSources(services.fetchSource)
    const events = new VertexEvents(graph, services.emit, services.now, signal)
    const directories = new LayerDirectories(store, executor, fetchBlob, signal)
    const layers = new LayerBlobs({ store, directories, executor, fetchBlob, signal })
    const contentKeys = new ContentKeys(directories, layers, executor, signal)
    const findOnlyUse = (vertex: Vertex): LayerCompression | undefined => this.#findOnlyUse(vertex)
    const sources = { graph, store, contexts, directories }
    const stepName = (vertex: Vertex): string => digestHex(digestOf(`${scope}\n${vertex.step}`))
    const earlierCopies = new EarlierCopies(store, directories, definitionKeys, stepName)
    const memory = new StepMemory({ ...sources, definitionKeys, contentKeys, earlierCopies, stepName })
    this.#work = new StepWork({
      ...sources,
      ...{
        executor,
        prepareSandbox,
        warmUpCopies,
        provisions,
        fetched,
        layers,
        events,
        signal,
        stepName,
        findOnlyUse,
        earlierCopies,
      },
    })
    this.#memory = memory
    this.#definitionKeys = definitionKeys
    this.#fetched = fetched
    this.#events = events
    this.directories = directories
    this.layers = layers
  }

  /** @returns the targets' trees, in their order
   *  @throws {BuildError} the first failure, placed in the Dockerfile; `signal.reason` when aborted */
  async solve(targets: readonly VertexId[]): Promise<readonly Tree[]> {
    for (const target of targets) {
      for (let id: VertexId | undefined = target; id !== undefined;) {
        this.#chain.add(id)
        ;[id] = vertexOf(this.#graph, id).inputs
      }
    }
    try {
      const trees = await Promise.all(targets.map((target) => this.#treeOf(target)))
      await Promise.all(this.#keeping)
      this.#memory.flush()
      return trees
    } catch (error) {
      this.#abort.abort(error)
      await Promise.allSettled(this.#solved.values())
      await Promise.allSettled(this.#keeping)
      this.#keepWhatIsDone()
      throw error
    }
  }

  /** After a failure, which counts for more than that records cannot be written: a full disk often makes both. */
  #keepWhatIsDone(): void {
    try {
      this.#memory.flush()
    } catch {
      // The steps will be explained less well the next time.
    }
  }

  #treeOf(id: VertexId): Promise<Tree> {
    const known = this.#solved.get(id)
    if (known !== undefined) return known
    const solving = this.#solveVertex(vertexOf(this.#graph, id))
    solving.catch((error: unknown) => this.#abort.abort(error))
    this.#solved.set(id, solving)
    return solving
  }

  async #solveVertex(vertex: Vertex): Promise<Tree> {
    const { op } = vertex
    try {
      switch (op.type) {
        case 'scratch':
        case 'context':
          return []
        case 'image':
          return await this.#events.observe(vertex, () => this.#services.treeOfImage(op))
        case 'merge':
          return await this.#merge(vertex)
        case 'run':
        case 'files':
          return await this.#step(vertex)
        case 'git':
        case 'http':
          await this.#events.observe(vertex, () => this.#fetched.treeOf(vertex, op))
          return []
        default:
          return op satisfies never
      }
    } catch (error) {
      throw placed(error, vertex)
    }
  }

  async #merge(vertex: Vertex): Promise<Tree> {
    const [base = [], ...others] = await Promise.all(vertex.inputs.map((input) => this.#treeOf(input)))
    const added = others.flat().map((layer): Layer => {
      if (layer.kind === 'image') return layer
      return { ...layer, base: 'empty' }
    })
    return [...base, ...added]
  }

  async #step(vertex: Vertex): Promise<Tree> {
    const key = this.#keyOf(vertex)
    const found = this.#findByDefinition(vertex, key)
    if (found !== undefined) return found
    if (vertex.op.type === 'run') {
      this.#services.checkPlatform(vertex.op.platform)
      this.#services.warmUp()
    }
    this.#work.warmUp(vertex)
    const solvingInputs = Promise.all(vertex.inputs.map((input) => this.#inputTree(input)))
    solvingInputs.catch(() => undefined) // awaited below, unless the lock cannot be had
    // Taken while the inputs are made. Whoever waits here holds locks of later steps only, so that nobody waits in a circle.
    const lock = await this.#services.store.lock(`step ${key}`, this.#signal)
    let keeping = Promise.resolve()
    try {
      const trees = await solvingInputs
      const inputs: StepInputs = { trees, selections: await this.#selectionDigests(vertex) }
      const doneMeanwhile = this.#findByDefinition(vertex, key) ?? (await this.#findByContent(vertex, key, inputs))
      if (doneMeanwhile !== undefined) return doneMeanwhile
      const tree = await this.#doStep(vertex, key, inputs)
      keeping = this.#keep(vertex, key, inputs, tree)
      keeping.catch((error: unknown) => this.#abort.abort(error)) // solve() throws it
      this.#keeping.push(keeping)
      return tree
    } finally {
      // Whoever waits for the lock is to find the record. The next step need not wait for this. A lock goes with the lease at the latest.
      void keeping.then(() => lock[Symbol.asyncDispose]()).catch(() => undefined)
    }
  }

  #findByDefinition(vertex: Vertex, key: Digest): Tree | undefined {
    const tree = this.#memory.findByDefinition(vertex, key)
    if (tree !== undefined) this.#events.cached(vertex, 'definition')
    return tree
  }

  async #findByContent(vertex: Vertex, key: Digest, inputs: StepInputs): Promise<Tree | undefined> {
    const tree = await this.#memory.findByContent(vertex, key, inputs)
    if (tree !== undefined) this.#events.cached(vertex, 'content')
    return tree
  }

  #doStep(vertex: Vertex, key: Digest, inputs: StepInputs): Promise<Tree> {
    return this.#events.observe(vertex, () => {
      if (!vertex.ignoreCache) this.#events.missed(vertex, this.#memory.whyMissed(vertex, key))
      return this.#work.carryOut(vertex, inputs.trees).catch((error: unknown) => {
        throw this.#memory.explain(vertex, error)
      })
    })
  }

  /** Records what the step yielded and has its layer packed, once the steps that wait for it have been sent on their way: what is sent first is begun first. */
  async #keep(vertex: Vertex, key: Digest, inputs: StepInputs, tree: Tree): Promise<void> {
    await setImmediate()
    try {
      this.#memory.keep(vertex, key, inputs, tree)
      if (this.#chain.has(vertex.id)) {
        // A failure is told to whoever needs the layer.
        for (const compression of this.#services.packEarly)
          this.layers.ensure(tree, tree.length - 1, compression).catch(() => undefined)
        await setImmediate() // it is on its way then
      }
      this.#memory.flush()
    } catch (error) {
      throw placed(error, vertex)
    }
  }

  /** A key that cannot be computed is a failure of the step whose files are at fault, and is shown as one. */
  #keyOf({ id }: Vertex): Digest {
    try {
      return this.#definitionKeys.of(id)
    } catch (error) {
      if (!(error instanceof KeyFailure)) throw error
      const { vertex, cause } = error
      this.#events.failed(vertex, cause)
      throw placed(cause, vertex)
    }
  }

  /** What comes from outside is taken from, not built on: it has no tree. */
  async #inputTree(input: VertexId): Promise<Tree | null> {
    const { type } = vertexOf(this.#graph, input).op
    if (type === 'context') return null
    const tree = await this.#treeOf(input)
    return type === 'git' || type === 'http' ? null : tree
  }

  async #selectionDigests(vertex: Vertex): Promise<Readonly<Record<string, Digest>>> {
    const digests: Record<string, Digest> = {}
    for (const [input, parts] of this.#definitionKeys.takenFromContexts(vertex.id)) {
      digests[input] = digestOf(parts.map(({ digest }) => digest).join())
    }
    const selections = selectionsOf(vertex)
    for (const [index, id] of vertex.inputs.entries()) {
      const { op } = vertexOf(this.#graph, id)
      if (op.type !== 'git' && op.type !== 'http') continue
      const taken = selections.filter(({ input }) => input === index).map(({ selection }) => selection)
      digests[index] = await this.#fetched.digest({ id }, op, taken)
    }
    return digests
  }

  /** What the vertex's layer is packed with, if it ends in an image, and nothing in this build reads its files. */
  #findOnlyUse(vertex: Vertex): LayerCompression | undefined {
    const [compression] = this.#services.packEarly
    return compression !== undefined && this.#isOnlyPacked(vertex) ? compression : undefined
  }

  #isOnlyPacked({ id }: Vertex): boolean {
    const takers = [...this.#graph.vertices.values()].filter(({ inputs }) => inputs.includes(id))
    if (takers.length === 0) return this.#chain.has(id)
    return takers.every((taker) => taker.op.type === 'merge' && this.#isOnlyPacked(taker))
  }
}

function placed(error: unknown, vertex: Vertex): unknown {
  return error instanceof BuildError ? error.at(vertex.source) : error
}
