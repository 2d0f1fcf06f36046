import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Output } from '../config/outputs.ts'
import type { OutputContext } from './write-outputs.ts'
import { explained, writeWhole } from './write-whole.ts'

type FilesOutput = Extract<Output, { type: 'local' | 'tar' }>

/** Writes the files of the result, not an image: into a folder, or as one archive.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL` */
export async function writeFiles(output: FilesOutput, context: OutputContext): Promise<void> {
  const { tree, solver, executor, store, signal, stdout } = context
  const [process, layers] = await Promise.all([executor.start(), solver.directories.ensure(tree)])
  if (output.type === 'local') {
    await writeFolder(output.folder, (path) =>
      process.call('exportTree', { layers, target: { kind: 'folder', path, owner: callerIds() } }, { signal }),
    )
    return
  }
  const writeTar = (path: string) => process.call('exportTree', { layers, target: { kind: 'tar', path } }, { signal })
  if (output.to.kind === 'file') {
    await writeWhole(output.to.path, writeTar)
    return
  }
  const path = join(await store.lease.makeFolder('export'), 'files.tar')
  await writeTar(path)
  await pipeline(createReadStream(path), stdout, { end: false, signal })
}

/** Files land beside the folder and are moved in at the end. A folder that is there already keeps what it has under other names. */
async function writeFolder(folder: string, write: (path: string) => Promise<void>): Promise<void> {
  const staged = `${folder}.${globalThis.process.pid}.tmp`
  try {
    await mkdir(staged, { recursive: true })
    await write(staged)
    await mergeInto(staged, folder)
  } catch (error) {
    throw explained(folder, error)
  } finally {
    await rm(staged, { recursive: true, force: true })
  }
}

async function mergeInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const item of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, item.name), join(to, item.name)]
    if (item.isDirectory() && (await isFolder(target))) await mergeInto(source, target)
    else await replace(source, target)
  }
  await rmdir(from)
}

async function replace(source: string, target: string): Promise<void> {
  if (await isFolder(target)) await rm(target, { recursive: true })
  await rename(source, target)
}

async function isFolder(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  )
}

/** Whose the files are: the caller's, as with BuildKit. */
function callerIds(): { readonly uid: number; readonly gid: number } {
  return { uid: globalThis.process.getuid?.() ?? 0, gid: globalThis.process.getgid?.() ?? 0 }
}
