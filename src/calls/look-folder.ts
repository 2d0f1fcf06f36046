import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { namesIn, naming, removeTree } from '../../cache/disk/index.ts'
import { formatOwner, isStale, thisProcess } from '../../cache/leases/index.ts'

const prefix = 'stave-look-'

/** Makes a folder for what one look fetches, which nobody else may enter. The caller removes it; a look that was killed has left its own behind, which goes with the
 *  next one.
 *  @throws {BuildError} `DISK_FULL` */
export async function makeLookFolder(parent = tmpdir()): Promise<string> {
  await removeAbandoned(parent)
  const path = join(parent, `${prefix}${formatOwner(thisProcess())}`)
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    throw naming(path, error)
  })
  return path
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await namesIn(parent)) {
    if (!name.startsWith(prefix)) continue
    const path = join(parent, name)
    // What cannot be removed stays, and is in nobody's way.
    if (await isAbandoned(path, name.slice(prefix.length)).catch(() => false))
      await removeTree(path).catch(() => undefined)
  }
}

/** Everybody may write to the folder for temporary files: in a folder of somebody else's, what we remove could be made to lead elsewhere meanwhile. */
async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const found = await lstat(path)
  return found.isDirectory() && found.uid === process.getuid?.() && (await isStale(path, owner, Date.now()))
}
