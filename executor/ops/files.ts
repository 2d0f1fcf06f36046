import { BuildError } from '../../core/errors.ts'
import type { CopyAction, FileAction, FilesOp, MakeDirectoryAction, Owner, WriteFileAction } from '../../core/ops.ts'
import { Accounts } from '../accounts/accounts.ts'
import { changeMode } from '../files/change-mode.ts'
import { copyInto, type FixedOwner, type UnpackArchive } from '../files/copy.ts'
import type { LayerFolder } from '../files/layer-folder.ts'
import { LayerRecipe, NeedsFolder } from '../files/layer-recipe.ts'
import type { LayerWriter } from '../files/layer-writer.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath, parentOf, type TreeReader } from '../tree/tree-reader.ts'
import { unpackLocalArchive } from '../unpack/local-archive.ts'

export interface FilesRequest {
  readonly op: FilesOp
  /** Parallel to the vertex's inputs behind the first: what is copied from. */
  readonly sources: readonly FilesSource[]
  /** The time that made directories get, nanoseconds since the epoch. */
  readonly nowNs: bigint
}

export interface FilesSource {
  readonly reader: TreeReader
  /** Files of a context are root's; files of a stage or an image keep their owner. */
  readonly keepsOwner: boolean
}

/** Carries the actions out, one after the other, each on what the last one left.
 *  @throws {BuildError} `COPY_SOURCE_MISSING`, `COPY_CONFLICT`, `OWNER_UNKNOWN`, `ARCHIVE_INVALID` */
export async function applyFileActions(request: FilesRequest, layer: LayerFolder): Promise<void> {
  for (const action of request.op.actions) await applyAction(action, request, layer)
  layer.close()
}

/** The same as a recipe, where the actions do nothing but copy to where nothing is yet; `undefined` where the layer has to be written.
 *  @throws {BuildError} as `applyFileActions()` */
export async function findRecipe(request: FilesRequest, lower: TreeReader): Promise<LayerRecipe | undefined> {
  const layer = new LayerRecipe(lower, request.nowNs)
  try {
    for (const action of request.op.actions) {
      if (action.action !== 'copy' || action.unpack === 'auto') return undefined
      await copy(action, request, layer, () => Promise.resolve(false))
    }
    return layer
  } catch (error) {
    if (error instanceof NeedsFolder) return undefined
    throw error
  }
}

async function applyAction(action: FileAction, request: FilesRequest, layer: LayerFolder): Promise<void> {
  switch (action.action) {
    case 'copy': {
      const asked = resolveOwner(layer, action.owner)
      await copy(action, request, layer, (hostPath, destination) =>
        unpackLocalArchive(layer, hostPath, destination, asked),
      )
      return
    }
    case 'make-directory':
      makeDirectory(action, request, layer)
      return
    case 'write-file':
      writeFile(action, request, layer)
      return
    default:
      action satisfies never
  }
}

async function copy(
  action: CopyAction,
  { op, sources }: FilesRequest,
  layer: LayerWriter,
  unpack: UnpackArchive,
): Promise<void> {
  const source = sources[action.from - 1]
  if (source === undefined) throw new Error(`the copy has no input ${action.from}`)
  const owner = resolveOwner(layer, action.owner) ?? (source.keepsOwner ? undefined : { uid: 0, gid: 0 })
  const others = op.actions.flatMap((other) => (other.action === 'copy' && other !== action ? other.sources : []))
  await copyInto(layer, source.reader, action, owner, unpack, others.length)
}

function makeDirectory(action: MakeDirectoryAction, { nowNs }: FilesRequest, layer: LayerFolder): void {
  const { path } = resolvePath(layer.tree, action.path)
  const entry = layer.tree.lstat(path)
  if (entry?.type === 'directory') return // an empty layer
  const owner = ownerOfDirectory(action, layer)
  const mtimeNs = action.mtimeSeconds === undefined ? nowNs : BigInt(action.mtimeSeconds) * 1_000_000_000n
  layer.ensureDirectory(path, { ...owner, mode: action.mode, mtimeNs })
}

function ownerOfDirectory(
  { owner, unknownOwner }: MakeDirectoryAction,
  layer: LayerFolder,
): { uid: number; gid: number } {
  try {
    return resolveOwner(layer, owner) ?? { uid: 0, gid: 0 }
  } catch (error) {
    const isUnknown = error instanceof BuildError && error.code === 'OWNER_UNKNOWN'
    if (!isUnknown || unknownOwner === 'error') throw error
    return { uid: 0, gid: 0 }
  }
}

function writeFile(action: WriteFileAction, { nowNs }: FilesRequest, layer: LayerFolder): void {
  const owner = resolveOwner(layer, action.owner) ?? { uid: 0, gid: 0 }
  const { path, entry } = resolvePath(layer.tree, action.destination)
  const intoDirectory = action.destination.endsWith('/') || entry?.type === 'directory'
  // A link to a file is written through, as with COPY.
  const place = intoDirectory ? resolvePath(layer.tree, joinTreePath(path, action.name)).path : path
  if (intoDirectory) layer.ensureDirectory(path, owner)
  if (layer.tree.lstat(place)?.type === 'directory') {
    throw new BuildError('COPY_CONFLICT', `Cannot write "/${place}": a directory is there`)
  }
  const mode = action.mode === undefined ? 0o644 : changeMode(action.mode, 0o644, false)
  layer.ensureDirectory(parentOf(place), owner)
  layer.writeFile(place, action.content, { ...owner, mode, mtimeNs: nowNs })
}

function resolveOwner(layer: LayerWriter, owner: Owner | undefined): FixedOwner {
  return owner === undefined ? undefined : new Accounts(layer.tree).resolveOwner(owner)
}
