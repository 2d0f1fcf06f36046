import { isArchive, openArchive, readTar } from '../../cache/tar/index.ts'
import type { FixedOwner } from '../files/copy.ts'
import type { LayerFolder } from '../files/layer-folder.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { unpackEntries } from './unpack-entries.ts'

/** Unpacks the file into the directory if it is an archive, whatever its name: what ADD does with local files.
 *  @returns false for a file that is none; then nothing was written.
 *  @throws {BuildError} `ARCHIVE_INVALID` for an archive that is damaged further on */
export async function unpackLocalArchive(
  layer: LayerFolder,
  hostPath: string,
  destination: string,
  owner: FixedOwner,
): Promise<boolean> {
  if (!(await isArchive(hostPath))) return false
  const into = resolvePath(layer.tree, destination).path
  layer.ensureDirectory(into, owner ?? {})
  await unpackEntries(layer, readTar(openArchive(hostPath)), { into, whiteouts: 'keep', owner })
  return true
}
