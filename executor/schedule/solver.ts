import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type PQueue from 'p-queue'
import type { Store } from '../../cache/store.ts'
import { digestOf, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { BuildEvent, Outcome } from '../../core/events.ts'
import { reachableFrom, vertexOf, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'
import type { Layer, Tree } from '../../core/layer.ts'
import type { ContextOp, FilesOp, ImageOp, RunOp } from '../../core/ops.ts'
import type { Platform } from '../../core/platform.ts'
import type { Executor } from '../process/client.ts'
import type { FilesCall, RunCall, SourceTree } from '../process/protocol.ts'
import type { ContextFolders } from '../sources/context-folders.ts'
import { FetchedSources, type FetchSource } from '../sources/fetched-sources.ts'
import { ContentKeys, type StepInputs } from './content-keys.ts'
import { DefinitionKeys, KeyFailure, opKeyOf } from './definition-keys.ts'
import { LayerBlobs } from './layer-blobs.ts'
import { LayerDirectories, type FetchBlob } from './layer-directories.ts'
import { ingredientsOf, missReasons } from './miss-reasons.ts'
import { Records } from './records.ts'
import { openRunSupplies, type RunProvisions } from './run-supplies.ts'
import { selectionsOf } from './selections.ts'

export interface SolverServices {
  readonly store: Store
  readonly contexts: ContextFolders
  /** Starts the executor process when it is first called. */
  readonly executor: () => Promise<Executor>
  /** Waited for before a step that runs a process. */
  readonly prepareSandbox: () => Promise<void>
  /** Called as soon as it is known that a process will run. */
  readonly warmUp: () => void
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
  /** Pack layers of the target's own chain while later steps run. */
  readonly packEarly: boolean
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
  readonly #records: Records
  readonly #definitionKeys: DefinitionKeys
  readonly #contentKeys: ContentKeys
  readonly #fetched: FetchedSources
  readonly #solved = new Map<VertexId, Promise<Tree>>()
  readonly #announced = new Set<VertexId>()
  /** Steps whose result is not what their key says. */
  readonly #unreliable = new Set<VertexId>()
  /** The target and the vertices that its layers come from. */
  readonly #chain = new Set<VertexId>()
  #slots: Promise<Slots> | undefined

  constructor(graph: Graph, services: SolverServices) {
    this.#graph = graph
    this.#services = services
    this.#signal = AbortSignal.any([services.signal, this.#abort.signal])
    const { store, contexts, executor, fetchBlob } = services
    this.#records = new Records(store.facts)
    this.#definitionKeys = new DefinitionKeys(graph, (op, selection) => contexts.digest(op, selection))
    this.#fetched = new FetchedSources(services.fetchSource)
    this.directories = new LayerDirectories(store, executor, fetchBlob, this.#signal)
    this.layers = new LayerBlobs(store, this.directories, executor, this.#signal)
    this.#contentKeys = new ContentKeys(this.directories, this.layers, executor, this.#signal)
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
      return await Promise.all(targets.map((target) => this.#treeOf(target)))
    } catch (error) {
      this.#abort.abort(error)
      await Promise.allSettled(this.#solved.values())
      throw error
    } finally {
      this.#records.flush()
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
          return await this.#observe(vertex, () => this.#services.treeOfImage(op))
        case 'merge':
          return await this.#merge(vertex)
        case 'run':
        case 'files':
          return await this.#step(vertex)
        case 'git':
        case 'http':
          await this.#observe(vertex, () => this.#fetched.treeOf(vertex, op))
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
    void this.#openSlots()
    const solvingInputs = Promise.all(vertex.inputs.map((input) => this.#inputTree(input)))
    solvingInputs.catch(() => undefined) // awaited below, unless the lock cannot be had
    // Taken while the inputs are made. Whoever waits here holds locks of later steps only, so that nobody waits in a circle.
    const lock = await this.#services.store.lock(`step ${key}`, this.#signal)
    try {
      const trees = await solvingInputs
      const inputs: StepInputs = { trees, selections: await this.#selectionDigests(vertex) }
      const doneMeanwhile = this.#findByDefinition(vertex, key) ?? (await this.#findByContent(vertex, key, inputs))
      return doneMeanwhile ?? (await this.#doStep(vertex, key, inputs))
    } finally {
      // The next step need not wait for this. A lock goes with the lease at the latest.
      void Promise.resolve(lock[Symbol.asyncDispose]()).catch(() => undefined)
    }
  }

  async #doStep(vertex: Vertex, key: Digest, inputs: StepInputs): Promise<Tree> {
    const tree = await this.#observe(vertex, () => {
      if (!vertex.ignoreCache) this.#tellWhy(vertex, key)
      return this.#carryOut(vertex, inputs)
    })
    if (this.#isReliable(vertex)) this.#keep(vertex, key, inputs, tree)
    else this.#unreliable.add(vertex.id)
    if (this.#services.packEarly && this.#chain.has(vertex.id)) {
      this.layers.ensure(tree, tree.length - 1, 'gzip').catch(() => undefined) // told to whoever needs the layer
    }
    return tree
  }

  /** A key that cannot be computed is a failure of the step whose files are at fault, and is shown as one. */
  #keyOf({ id }: Vertex): Digest {
    try {
      return this.#definitionKeys.of(id)
    } catch (error) {
      if (!(error instanceof KeyFailure)) throw error
      const { vertex, cause } = error
      this.#started(vertex)
      this.#finished(vertex, outcomeOf(cause))
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

  #findByDefinition(vertex: Vertex, key: Digest): Tree | undefined {
    if (vertex.ignoreCache || this.#isFresh(vertex)) return undefined
    const tree = this.#records.find(key)?.tree
    if (tree === undefined || !this.directories.isComplete(tree)) return undefined
    this.#announceCached(vertex, 'definition')
    return tree
  }

  /** A step that did the same with the same content, though its definition was another. Its layer fits on today's base. */
  async #findByContent(vertex: Vertex, key: Digest, inputs: StepInputs): Promise<Tree | undefined> {
    if (vertex.ignoreCache) return undefined
    const alike = this.#records.findAlike(opKeyOf(vertex))
    if (alike.length === 0) return undefined
    let today: Digest | undefined
    for (const other of alike) {
      const record = this.#records.find(other)
      const layer = record?.tree.at(-1)
      if (record === undefined || layer === undefined || !this.directories.isComplete(record.tree)) continue
      const earlier: StepInputs = { trees: record.inputTrees, selections: record.selections }
      if (!sameSelections(earlier, inputs)) continue
      if (!earlier.trees.every((tree) => tree === null || this.directories.isComplete(tree))) continue
      today ??= await this.#contentKeys.of(vertex, inputs)
      const known = this.#records.findContentKey(other) ?? (await this.#contentKeys.of(vertex, earlier))
      this.#records.putContentKey(other, known)
      if (known !== today) continue
      const tree = [...(inputs.trees[0] ?? []), layer]
      this.#records.putContentKey(key, today)
      this.#keep(vertex, key, inputs, tree)
      this.#announceCached(vertex, 'content')
      return tree
    }
    return undefined
  }

  /** A step that copied files while they were being written to may not be taken for what its key says, nor may any step on top of it. */
  #isReliable(vertex: Vertex): boolean {
    if (reachableFrom(this.#graph, vertex.id).some(({ id }) => this.#unreliable.has(id))) return false
    return selectionsOf(vertex).every(({ input, selection }) => {
      const { op } = vertexOf(this.#graph, vertex.inputs[input] as VertexId)
      return op.type !== 'context' || this.#services.contexts.isUnchanged(op, selection)
    })
  }

  #keep(vertex: Vertex, key: Digest, inputs: StepInputs, tree: Tree): void {
    const record = { tree, inputTrees: inputs.trees, selections: inputs.selections }
    this.#records.put(key, opKeyOf(vertex), record)
    this.#records.putIngredients(this.#stepName(vertex), this.#ingredients(vertex, key))
  }

  #tellWhy(vertex: Vertex, key: Digest): void {
    const reasons = missReasons(this.#records.findIngredients(this.#stepName(vertex)), this.#ingredients(vertex, key))
    this.#services.emit({ type: 'vertex-missed', vertex: vertex.id, reasons, atMs: this.#services.now() })
  }

  #ingredients(vertex: Vertex, key: Digest) {
    const inputs = vertex.inputs
      .map((input) => vertexOf(this.#graph, input))
      .filter(({ op }) => op.type !== 'context')
      .map(({ id, name }) => ({ name, key: this.#definitionKeys.of(id) }))
    return ingredientsOf(vertex, key, inputs, this.#definitionKeys.takenFromContexts(vertex.id))
  }

  #stepName(vertex: Vertex): string {
    return digestOf(`${this.#services.scope}\n${vertex.step}`).slice('sha256:'.length)
  }

  async #carryOut(vertex: Vertex, { trees }: StepInputs): Promise<Tree> {
    const [base, ...others] = trees
    if (base === undefined || base === null) throw new Error(`${vertex.name} has no tree to work on`)
    const id = randomBytes(16).toString('hex')
    const [lower, sources] = await Promise.all([
      this.directories.ensure(base),
      Promise.all(others.map((tree, index) => this.#sourceTree(vertex, index + 1, tree))),
    ])
    const slots = await this.#openSlots()
    const op = vertex.op as RunOp | FilesOp
    const layer = this.directories.pathOfStep(id)
    if (op.type === 'run') {
      const { store, provisions } = this.#services
      await using supplies = await openRunSupplies(op, store, provisions, this.#signal)
      const { caches, secrets, agents, devices } = supplies
      const given = { caches, secrets, agents, devices }
      await slots.runs.add(() => this.#performRun(vertex, { op, lower, sources, layer, ...given }))
    } else {
      await slots.files.add(() => this.#performFiles(vertex, id, { op, lower, sources, layer }))
    }
    return [...base, { kind: 'step', id, base: 'below', createdAtMs: Date.now() }]
  }

  async #sourceTree(vertex: Vertex, index: number, tree: Tree | null): Promise<SourceTree> {
    if (tree !== null) return { kind: 'layers', layers: await this.directories.ensure(tree) }
    const input = vertexOf(this.#graph, vertex.inputs[index] as VertexId)
    if (input.op.type === 'git' || input.op.type === 'http') return this.#fetched.treeOf(input, input.op)
    const op = input.op as ContextOp
    return { kind: 'context', root: this.#services.contexts.folderOf(op), ignore: op.ignore }
  }

  async #performFiles(vertex: Vertex, id: string, request: Omit<FilesCall, 'scratch' | 'nowNs'>): Promise<void> {
    this.#signal.throwIfAborted()
    const { store, executor } = this.#services
    const nowNs = BigInt(Date.now()) * 1_000_000n
    const { op, lower, sources } = request
    if (this.#isOnlyPacked(vertex) && (await this.layers.packFiles(id, { op, lower, sources, nowNs }))) return
    const [process, scratch] = await Promise.all([executor(), store.lease.makeFolder('files')])
    await process.call('files', { ...request, scratch, nowNs }, { signal: this.#signal })
  }

  /** Whether nothing in this build reads the files of the vertex's layer, which ends in an image. */
  #isOnlyPacked({ id }: Vertex): boolean {
    if (!this.#services.packEarly) return false
    const takers = [...this.#graph.vertices.values()].filter(({ inputs }) => inputs.includes(id))
    if (takers.length === 0) return this.#chain.has(id)
    return takers.every((taker) => taker.op.type === 'merge' && this.#isOnlyPacked(taker))
  }

  async #performRun(vertex: Vertex, request: Omit<RunCall, 'scratch'>): Promise<void> {
    this.#signal.throwIfAborted()
    const { store, executor, prepareSandbox, emit, now } = this.#services
    const [process, scratch] = await Promise.all([executor(), store.lease.makeFolder('run')])
    await prepareSandbox()
    await process.call(
      'run',
      { ...request, scratch },
      {
        signal: this.#signal,
        onOutput: (stream, chunk) => emit({ type: 'vertex-output', vertex: vertex.id, stream, chunk, atMs: now() }),
      },
    )
  }

  #openSlots(): Promise<Slots> {
    this.#slots ??= import('p-queue').then(({ default: Queue }) => ({
      runs: new Queue({ concurrency: availableParallelism() }),
      files: new Queue({ concurrency: availableParallelism() }),
    }))
    return this.#slots
  }

  /** Whether something below was built without use of records: then records made with another result of it must not be found by definition. */
  #isFresh(vertex: Vertex): boolean {
    return reachableFrom(this.#graph, vertex.id).some(
      ({ id, op, ignoreCache }) => id !== vertex.id && ignoreCache && (op.type === 'run' || op.type === 'files'),
    )
  }

  #announceCached(vertex: Vertex, by: 'definition' | 'content'): void {
    for (const below of reachableFrom(this.#graph, vertex.id)) {
      if (this.#announced.has(below.id) || below.op.type === 'scratch' || below.op.type === 'context') continue
      if (below.id !== vertex.id && by === 'content') continue
      this.#started(below)
      this.#finished(below, { kind: 'cached', by })
    }
  }

  async #observe<T>(vertex: Vertex, act: () => Promise<T>): Promise<T> {
    this.#started(vertex)
    try {
      const result = await act()
      this.#finished(vertex, { kind: 'done' })
      return result
    } catch (error) {
      this.#finished(
        vertex,
        this.#signal.aborted && error === this.#signal.reason ? { kind: 'canceled' } : outcomeOf(error),
      )
      throw error
    }
  }

  #started({ id, name }: Vertex): void {
    this.#announced.add(id)
    this.#services.emit({ type: 'vertex-started', vertex: id, name, atMs: this.#services.now() })
  }

  #finished({ id }: Vertex, outcome: Outcome): void {
    this.#services.emit({ type: 'vertex-finished', vertex: id, outcome, atMs: this.#services.now() })
  }
}

/** How many steps of a kind go on at once. */
interface Slots {
  readonly runs: PQueue
  readonly files: PQueue
}

function sameSelections(a: StepInputs, b: StepInputs): boolean {
  const inputs = Object.keys(b.selections)
  return (
    inputs.length === Object.keys(a.selections).length &&
    inputs.every((input) => a.selections[input] === b.selections[input])
  )
}

function placed(error: unknown, vertex: Vertex): unknown {
  return error instanceof BuildError ? error.at(vertex.source) : error
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof BuildError) return { kind: 'failed', code: error.code, message: error.message }
  return { kind: 'failed', code: 'BUG', message: error instanceof Error ? error.message : String(error) }
}
