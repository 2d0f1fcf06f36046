import { mergeGraphs } from '../core/graph.ts'
import { ContextFolders, Solver } from '../executor/index.ts'
import type { BuildPlan } from '../frontend/index.ts'
import { openNamedContexts } from './context/open-named-contexts.ts'
import type { BuildInputs } from './context/read-inputs.ts'
import { Emulation } from './emulation.ts'
import { compressionsOf } from './output/compressions-of.ts'
import type { BuildServices } from './services.ts'

export interface OpenedSolver {
  readonly solver: Solver
  readonly contexts: ContextFolders
}

/** Joins plans and services: what turns the vertices of the plans into trees.
 *  @throws {BuildError} for a named context that cannot be had */
export async function openSolver(
  plans: readonly BuildPlan[],
  { context, dockerfile }: BuildInputs,
  services: BuildServices,
): Promise<OpenedSolver> {
  const { settings, store, executor, images, remotes, secrets } = services
  const { signal, tasks } = services.surroundings
  const folders = new Map(await openNamedContexts(plans, images.contexts, services.contexts))
  folders.set('context', { path: context.folder, isLasting: context.isLasting })
  const contexts = new ContextFolders(folders, store.facts, executor.warmUpCopies)
  const solver = new Solver(mergeGraphs(plans.map(({ graph }) => graph)), {
    store,
    contexts,
    executor: executor.start,
    prepareSandbox: executor.prepareSandbox,
    warmUp: executor.warmUp,
    warmUpCopies: executor.warmUpCopies,
    checkPlatform: new Emulation(settings.buildPlatform, store.lease.path).check,
    treeOfImage: (op) => Promise.resolve(images.treeOf(op.digest)),
    fetchBlob: (layer) => images.fetchBlob(layer.blob),
    fetchSource: remotes.fetch,
    provisions: {
      findSecret: (id) => secrets.find(id),
      findAgent: async (id) => services.agents?.find(id),
      findDevices: async (wanted) => (await import('./devices/find-devices.ts')).findDevices(wanted),
    },
    emit: tasks.emit,
    now: tasks.now,
    signal,
    scope: `${dockerfile.identity}\n${context.identity}`,
    packEarly: compressionsOf(settings.outputs),
  })
  return { solver, contexts }
}
