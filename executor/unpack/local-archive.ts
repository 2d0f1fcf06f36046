import { closeSync } from 'node:fs'
import { isArchive, openArchive, readTar } from '../../cache/tar/index.ts'
import type { FixedOwner } from '../files/copy.ts'
import type { LayerFolder } from '../files/layer-folder.ts'
import { descriptorPath } from '../linux/index.ts'
import { openFile } from '../tree/open-file.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { unpackEntries } from './unpack-entries.ts'

/** Unpacks the file into the directory if it is an archive, whatever its name: what ADD does with local files.
 *  @returns false for a file that is none; then nothing was written.
 *  @throws {BuildError} `ARCHIVE_INVALID` for an archive that is damaged further on, `CONTEXT_INVALID` for what is no longer a file */
export async function unpackLocalArchive(
  layer: LayerFolder,
  hostPath: string,
  destination: string,
  owner: FixedOwner,
): Promise<boolean> {
  const file = openFile(hostPath)
  try {
    const archive = descriptorPath(file) // the same file both times, whatever has its name meanwhile
    if (!(await isArchive(archive))) return false
    const into = resolvePath(layer.tree, destination).path
    layer.ensureDirectory(into, owner ?? {})
    await unpackEntries(layer, readTar(openArchive(archive)), { into, whiteouts: 'keep', owner })
    return true
  } finally {
    closeSync(file)
  }
}
