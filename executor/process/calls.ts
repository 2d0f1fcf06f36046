import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FileShrank } from '../diff/archive.ts'
import { DigestMeter } from '../../core/digest.ts'
import { packImage, packLayer } from '../diff/pack-layer.ts'
import { recompressLayer } from '../diff/recompress-layer.ts'
import { revisedArchive, writeRevision } from '../diff/revision.ts'
import { readImageArchive } from '../erofs/index.ts'
import { exportFolder } from '../export/export-folder.ts'
import { exportTar } from '../export/export-tar.ts'
import { withoutPresent } from '../export/without-present.ts'
import { copyIntoImage } from '../files/copy-into-image.ts'
import { narrowedTree } from '../files/narrowed-tree.ts'
import { NeedsFolder } from '../files/layer-recipe.ts'
import { digestSelection } from '../files/selection-digest.ts'
import { hashFile } from '../files/hash-file.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { applyFileActions, findRecipe, type FilesRequest, type FilesSource } from '../ops/files.ts'
import { packFiles } from '../ops/pack-files.ts'
import { readerOfOutside } from '../sources/source-tree.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { rebaseLayer } from '../unpack/rebase-layer.ts'
import { unpackContext } from '../unpack/unpack-context.ts'
import { unpackIntoImage, unpackLayer } from '../unpack/unpack-layer.ts'
import type { CallRequest, CallResult, FilesCall, ImageArchive, SourceTree } from './protocol.ts'

/** The calls that need neither mounts nor a sandbox, and so run in any thread of the executor. */
export type ThreadCallName =
  | 'files'
  | 'revise'
  | 'packFiles'
  | 'unpack'
  | 'unpackContext'
  | 'rebase'
  | 'pack'
  | 'recompress'
  | 'packImage'
  | 'digestImage'
  | 'digestSelection'
  | 'exportTree'

export const threadCalls: {
  readonly [Name in ThreadCallName]: (request: CallRequest<Name>) => Promise<CallResult<Name>>
} = {
  async files({ op, lower, sources, layer, image, scratch, nowNs }) {
    const request = { op, sources: sources.map(filesSource), nowNs }
    const below = new LayeredTree(lower)
    const recipe = image === undefined ? undefined : await findRecipe(request, below)
    if (recipe !== undefined && image !== undefined) {
      const root = below.lstat('')
      const attributes =
        lower.length === 0 || root === undefined ? { mode: 0o755, uid: 0, gid: 0, mtimeNs: nowNs } : root
      const digest = await asImage(scratch, image, (path) => copyIntoImage(recipe, attributes, path))
      if (digest !== undefined) return digest
    }
    await writeLayerFolder({ lower, layer, scratch }, request)
    return undefined
  },
  async revise({ op, lower, sources, earlier, changed, revision, scratch, nowNs }) {
    const narrowed = sources.map((source) => {
      const { reader, keepsOwner } = filesSource(source)
      return { reader: narrowedTree(reader, changed), keepsOwner }
    })
    const request = { op, sources: narrowed, nowNs }
    await intoPlace(scratch, revision, (folder) =>
      writeRevision(folder, earlier, (files) =>
        applyFileActions(request, new LayerFolder(files, [...lower, earlier.files], nowNs)),
      ),
    )
  },
  async packFiles({ op, lower, sources, path, nowNs, ...how }) {
    const request = { op, sources: sources.map(filesSource), nowNs }
    const packed = await packFiles(request, new LayeredTree(lower), path, how)
    return packed && { packed, answers: undefined }
  },
  async unpack({ archive, diffId, layer, image, scratch }) {
    if (image !== undefined) {
      const unpacked = await asImage(scratch, image, (path) => unpackIntoImage(archive, diffId, path))
      if (unpacked !== undefined) return unpacked
    }
    return intoPlace(scratch, layer, (folder) => unpackLayer(archive, diffId, folder))
  },
  async unpackContext({ archive, folder }) {
    await unpackContext(archive, folder)
  },
  async rebase({ from, lower, unpacked, layer, scratch }) {
    await intoPlace(scratch, layer, (folder) => {
      rebaseLayer(from, lower, unpacked, folder)
      return Promise.resolve()
    })
  },
  async pack({ folder, lower, path, ...how }) {
    return packLayer(folder, lower, path, how)
  },
  async packImage({ image, revision, packed, path, ...how }) {
    return packImage({ image, revision, packed }, path, how)
  },
  digestImage(request) {
    const meter = new DigestMeter()
    for (const chunk of archiveOf(request)) meter.update(chunk)
    return Promise.resolve(meter.digest())
  },
  async recompress({ blob, diffId, path, ...how }) {
    return recompressLayer(blob, diffId, path, how)
  },
  digestSelection({ source, selection }) {
    return Promise.resolve(digestSelection(readerOf(source), selection, hashFile).digest)
  },
  async exportTree({ trees, target }) {
    const readers = trees.map(({ layers, below }) => ({ tree: new LayeredTree(layers), below }))
    if (target.kind === 'tar') return exportTar(readers, target.path)
    for (const { tree, below } of readers) {
      const folder = join(target.path, below)
      await mkdir(folder, { recursive: true })
      const owner = callerIds()
      await exportFolder(withoutPresent(tree, join(target.destination, below), owner), folder, owner)
    }
  },
}

function archiveOf({ image, revision }: ImageArchive): Iterable<Uint8Array> {
  return revision === undefined ? readImageArchive(image) : revisedArchive(image, revision)
}

/** Whoever started this process is who it runs as: in a user namespace, where it is root, root stands for them. */
function callerIds(): { readonly uid: number; readonly gid: number } {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}

export function filesSource(source: SourceTree): FilesSource {
  return { reader: readerOf(source), keepsOwner: source.kind === 'layers' }
}

export function readerOf(source: SourceTree): TreeReader {
  return source.kind === 'layers' ? new LayeredTree(source.layers) : readerOfOutside(source)
}

/** Carries file actions out, and puts what they made to its place. */
export async function writeLayerFolder(
  { lower, layer, scratch }: Pick<FilesCall, 'lower' | 'layer' | 'scratch'>,
  request: FilesRequest,
): Promise<void> {
  await intoPlace(scratch, layer, (folder) => {
    return applyFileActions(request, new LayerFolder(folder, lower, request.nowNs))
  })
}

/** Lets `fill` write a fresh folder, then moves that to its place: a layer directory is there whole or not at all. One that another process has put
 *  there meanwhile stays. */
async function intoPlace<Result>(
  scratch: string,
  layer: string,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  await mkdir(scratch)
  const result = await fill(scratch)
  await moveIntoPlace(scratch, layer)
  return result
}

/** As `intoPlace()`, of an image.
 *  @returns undefined where it cannot be one, and then nothing has been left */
async function asImage<Result>(
  scratch: string,
  image: string,
  write: (path: string) => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    const result = await write(scratch)
    await moveIntoPlace(scratch, image)
    return result
  } catch (error) {
    // Somebody writes to the context: copied first, the file is whole at least, and the step is not taken for what its key says.
    if (error instanceof NeedsFolder || error instanceof FileShrank) return undefined
    throw error
  }
}

/** Removes what nobody waits for: what is not gone when the build ends goes with its lease. */
export function removeBehind(path: string): void {
  void rm(path, { recursive: true, force: true }).catch(() => undefined)
}

/** What is there already stays. */
export async function moveIntoPlace(path: string, layer: string): Promise<void> {
  try {
    await rename(path, layer)
  } catch (error) {
    if (!existsSync(layer)) throw error
    removeBehind(path)
  }
}
