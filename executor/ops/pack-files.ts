import { FileShrank } from '../diff/archive.ts'
import { packChanges, type PackedLayer, type PackOptions } from '../diff/pack-layer.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { findRecipe, type FilesRequest } from './files.ts'

/** Carries file actions out straight into the layer's archive. `undefined`: they do more than that allows, and nothing has been done.
 *  @param path where the archive goes; nothing is there yet
 *  @throws {BuildError} as `findRecipe()` and `packChanges()` */
export async function packFiles(
  request: FilesRequest,
  lower: TreeReader,
  path: string,
  how: PackOptions,
): Promise<PackedLayer | undefined> {
  const recipe = await findRecipe(request, lower)
  if (recipe === undefined) return undefined
  try {
    return await packChanges(recipe.changes(), path, how)
  } catch (error) {
    // Somebody writes to the context. Copied first, the file is whole at least, and the step is not taken for what its key says.
    if (error instanceof FileShrank) return undefined
    throw error
  }
}
