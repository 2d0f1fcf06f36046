import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { formatPlatform, type Platform } from '../../core/platform.ts'
import type { Output } from '../config/outputs.ts'
import type { OutputContext } from './write-outputs.ts'
import { explained, writeWhole } from './write-whole.ts'

type FilesOutput = Extract<Output, { type: 'local' | 'tar' }>

/** Writes the files of the result, not an image: into a folder, or as one archive.
 *  @throws {BuildError} `OUTPUT_FAILED`, `DISK_FULL` */
export async function writeFiles(output: FilesOutput, context: OutputContext): Promise<void> {
  const { built, solver, executor, store, signal, stdout } = context
  const [process, trees] = await Promise.all([
    executor.start(),
    Promise.all(
      built.map(async ({ plan, tree }) => ({
        layers: await solver.directories.ensure(tree),
        below: built.length === 1 ? '' : folderOf(plan.platform),
      })),
    ),
  ])
  if (output.type === 'local') {
    const destination = output.folder
    await writeFolder(destination, (path) =>
      process.call('exportTree', { trees, target: { kind: 'folder', path, destination } }, { signal }),
    )
    return
  }
  const writeTar = (path: string) => process.call('exportTree', { trees, target: { kind: 'tar', path } }, { signal })
  if (output.to.kind === 'file') {
    await writeWhole(output.to.path, writeTar)
    return
  }
  const path = join(await store.lease.makeFolder('export'), 'files.tar')
  await writeTar(path)
  await pipeline(createReadStream(path), stdout, { end: false, signal }).catch((error: unknown) => {
    throw explained('to standard output', error)
  })
}

/** `linux_arm64`, as BuildKit calls it. */
function folderOf(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '_')
}

/** Files land in a folder inside the folder, so that they are on its file system, and are moved up at the end. A folder that is there already keeps what it has
 *  under other names, and files that are the same. */
async function writeFolder(folder: string, write: (path: string) => Promise<void>): Promise<void> {
  let made: string | undefined
  try {
    made = await mkdir(folder, { recursive: true })
    const staged = join(folder, `.stave-${randomBytes(6).toString('hex')}.tmp`)
    try {
      await mkdir(staged)
      await write(staged)
      await mergeInto(staged, folder)
    } finally {
      // After an abort the executor may still be writing, until it finds its folders gone.
      await rm(staged, { recursive: true, force: true, maxRetries: 10 })
    }
  } catch (error) {
    if (made !== undefined) await rmdir(folder).catch(() => undefined) // it is not empty when something was moved already
    throw explained(folder, error)
  }
}

async function mergeInto(from: string, to: string): Promise<void> {
  for (const item of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, item.name), join(to, item.name)]
    if (item.isDirectory() && (await isFolder(target))) await mergeInto(source, target)
    else await replace(source, target, item.isDirectory())
  }
  await rmdir(from)
}

async function replace(source: string, target: string, isDirectory: boolean): Promise<void> {
  if (isDirectory || (await isFolder(target))) await rm(target, { recursive: true, force: true })
  await rename(source, target)
}

/** A link to a folder is none: an image with a folder of its name would write to wherever it leads. */
async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}
