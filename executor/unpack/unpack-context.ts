import { openArchive, readTar, type TarMember } from '../../cache/tar/index.ts'
import { BuildError } from '../../core/errors.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { unpackEntries } from './unpack-entries.ts'

/** Unpacks an archive that was given as a build context into an empty folder. Owners do not count: all is the caller's. Nothing outside the folder is written,
 *  whatever the archive says.
 *  @throws {BuildError} `ARCHIVE_INVALID`, also for devices, which no context has a use for; `PATH_ESCAPES`, `DISK_FULL` */
export async function unpackContext(archive: string, folder: string): Promise<void> {
  const layer = new LayerFolder(folder, [], BigInt(Date.now()) * 1_000_000n)
  const owner = { uid: 0, gid: 0 }
  await unpackEntries(layer, withoutDevices(readTar(openArchive(archive))), { into: '', whiteouts: 'keep', owner })
  layer.close()
}

async function* withoutDevices(members: AsyncIterable<TarMember>): AsyncGenerator<TarMember> {
  for await (const member of members) {
    const { type, path } = member.entry
    if (type === 'character-device' || type === 'block-device') {
      throw new BuildError(
        'ARCHIVE_INVALID',
        `Cannot use the archive as a context: ${JSON.stringify(path)} is a device`,
      )
    }
    yield member
  }
}
