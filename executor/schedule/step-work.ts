import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type PQueue from 'p-queue'
import type { Store } from '../../cache/store.ts'
import { vertexOf, type Graph, type Vertex, type VertexId } from '../../core/graph.ts'
import type { Tree } from '../../core/layer.ts'
import type { LayerCompression } from '../../core/layer-compression.ts'
import type { ContextOp, FilesOp, RunOp } from '../../core/ops.ts'
import type { Executor } from '../process/client.ts'
import type { FilesCall, RunCall, SourceTree } from '../process/protocol.ts'
import type { ContextFolders } from '../sources/context-folders.ts'
import type { FetchedSources } from '../sources/fetched-sources.ts'
import type { EarlierCopies } from './earlier-copies.ts'
import type { LayerBlobs } from './layer-blobs.ts'
import type { LayerDirectories } from './layer-directories.ts'
import { openRunSupplies, type RunProvisions } from './run-supplies.ts'
import { findSmallSources } from './small-copies.ts'
import { TreeMemory } from './tree-memory.ts'
import type { VertexEvents } from './vertex-events.ts'

export interface WorkParts {
  readonly graph: Graph
  readonly store: Store
  readonly contexts: ContextFolders
  readonly executor: () => Promise<Executor>
  readonly prepareSandbox: () => Promise<void>
  readonly warmUpCopies: () => void
  readonly provisions: RunProvisions
  readonly fetched: FetchedSources
  readonly directories: LayerDirectories
  readonly layers: LayerBlobs
  readonly events: VertexEvents
  readonly signal: AbortSignal
  /** What the step of the vertex is called from build to build. */
  readonly stepName: (vertex: Vertex) => string
  /** How the layer of the vertex is to be compressed, if it is wanted as an archive, and its files are read by nobody. */
  readonly findOnlyUse: (vertex: Vertex) => LayerCompression | undefined
  readonly earlierCopies: EarlierCopies
}

/** How many steps of a kind go on at once. */
interface Slots {
  readonly runs: PQueue
  readonly files: PQueue
}

/** Carries steps out: brings what they need to where the executor process finds it, and has it do the rest. */
export class StepWork {
  readonly #parts: WorkParts
  readonly #memory: TreeMemory
  #slots: Promise<Slots> | undefined

  constructor(parts: WorkParts) {
    this.#parts = parts
    this.#memory = new TreeMemory(parts.store.facts)
  }

  /** Begins what a step that has to be carried out will need, beside other work. What fails is told when it is needed. */
  warmUp(vertex: Vertex): void {
    const { graph, contexts, warmUpCopies } = this.#parts
    void this.#openSlots()
    if (vertex.op.type === 'files' && findSmallSources(graph, vertex, contexts) === undefined) warmUpCopies()
  }

  /** @param trees parallel to the vertex's inputs; `null` for what comes from outside
   *  @returns the step's tree: that of its first input, and a layer */
  async carryOut(vertex: Vertex, [base, ...others]: readonly (Tree | null)[]): Promise<Tree> {
    if (base === undefined || base === null) throw new Error(`${vertex.name} has no tree to work on`)
    const { directories, layers, stepName } = this.#parts
    const id = randomBytes(16).toString('hex')
    layers.noteStep(id, stepName(vertex))
    const op = vertex.op as RunOp | FilesOp
    if (op.type === 'run' || !(await this.#filesHere(vertex, op, id, base))) {
      const [lower, sources] = await Promise.all([
        directories.ensure(base),
        Promise.all(others.map((tree, index) => this.#sourceTree(vertex, index + 1, tree))),
      ])
      const layer = directories.pathOfStep(id)
      if (op.type === 'run') await this.#run(vertex, { op, lower, sources, layer })
      else await this.#files(vertex, id, base, { op, lower, sources, layer })
    }
    return [...base, { kind: 'step', id, base: 'below', createdAtMs: Date.now() }]
  }

  async #sourceTree(vertex: Vertex, index: number, tree: Tree | null): Promise<SourceTree> {
    const { graph, directories, fetched, contexts } = this.#parts
    if (tree !== null) return { kind: 'layers', layers: await directories.ensure(tree) }
    const input = vertexOf(graph, vertex.inputs[index] as VertexId)
    if (input.op.type === 'git' || input.op.type === 'http') return fetched.treeOf(input, input.op)
    const op = input.op as ContextOp
    return { kind: 'context', root: contexts.folderOf(op), ignore: op.ignore }
  }

  /** In this process, where that is little work and what lies below is known.
   *  @returns whether it is done; if not, nothing of it is */
  async #filesHere(vertex: Vertex, op: FilesOp, id: string, base: Tree): Promise<boolean> {
    const { graph, contexts, layers, signal, findOnlyUse } = this.#parts
    const compression = findOnlyUse(vertex)
    const lower = compression && this.#memory.find(base, vertex)
    const sources = lower && findSmallSources(graph, vertex, contexts)
    if (compression === undefined || lower === undefined || sources === undefined) return false
    const slots = await this.#openSlots()
    return slots.files.add(() => {
      signal.throwIfAborted()
      return layers.packFilesHere(id, { op, compression, nowNs: nowNs() }, sources, lower)
    })
  }

  async #files(vertex: Vertex, id: string, base: Tree, request: Omit<FilesCall, 'scratch' | 'nowNs'>): Promise<void> {
    const slots = await this.#openSlots()
    await slots.files.add(async () => {
      const { store, executor, directories, layers, signal, findOnlyUse, earlierCopies } = this.#parts
      signal.throwIfAborted()
      const { op, lower, sources } = request
      const compression = findOnlyUse(vertex)
      if (compression !== undefined) {
        const files = await layers.packFiles(id, { op, lower, sources, compression, nowNs: nowNs() })
        if (files?.answers !== undefined) this.#memory.put(base, vertex, files.answers)
        if (files !== undefined) return
      }
      const process = await executor()
      const scratch = store.lease.newPath('files')
      const changes = earlierCopies.find(vertex, base)
      if (changes !== undefined) {
        const earlier = await directories.ensureEarlier(changes.layer)
        const revision = directories.revisionOfStep(id)
        const call = { op, lower, sources, earlier, changed: changes.paths, revision, scratch, nowNs: nowNs() }
        await process.call('revise', call, { signal })
        earlierCopies.noteChanges(vertex, changes)
        return
      }
      const image = directories.imageOfStep(id)
      const diffId = await process.call('files', { ...request, image, scratch, nowNs: nowNs() }, { signal })
      if (diffId === undefined) return
      store.facts.put('diff-id', id, diffId)
      earlierCopies.noteImage(vertex, base, id)
    })
  }

  async #run(vertex: Vertex, request: Pick<RunCall, 'op' | 'lower' | 'sources' | 'layer'>): Promise<void> {
    const { store, executor, prepareSandbox, provisions, events, signal } = this.#parts
    const slots = await this.#openSlots()
    // Caches are waited for before the slot is taken: whoever holds one needs a slot to let go of it.
    await using supplies = await openRunSupplies(request.op, store, provisions, signal)
    const { caches, secrets, agents, devices } = supplies
    await slots.runs.add(async () => {
      signal.throwIfAborted()
      const process = await executor()
      const scratch = store.lease.newPath('run')
      await prepareSandbox()
      const onOutput = (stream: 'stdout' | 'stderr', chunk: Uint8Array): void => events.output(vertex, stream, chunk)
      await process.call('run', { ...request, caches, secrets, agents, devices, scratch }, { signal, onOutput })
    })
  }

  #openSlots(): Promise<Slots> {
    this.#slots ??= import('p-queue').then(({ default: Queue }) => ({
      runs: new Queue({ concurrency: availableParallelism() }),
      files: new Queue({ concurrency: availableParallelism() }),
    }))
    return this.#slots
  }
}

/** The time that made directories get, nanoseconds since the epoch. */
function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n
}
