/** The front's side of execution: it starts nothing and loads nothing heavy until a step has to be carried out. */
export { Solver, type SolverServices } from './schedule/solver.ts'
export type { ImageLayer } from './schedule/layer-directories.ts'
export type { LayerBlob } from './schedule/layer-blobs.ts'
export { ContextFolders } from './sources/context-folders.ts'
export type { OutsideTree } from './sources/source-tree.ts'
export { startExecutor, type Executor } from './process/client.ts'
export { openFilesOfCaller } from './process/open-files.ts'
export type { IsolationName } from './sandbox/sandbox.ts'
