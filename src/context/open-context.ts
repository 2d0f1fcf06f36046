import { createWriteStream } from 'node:fs'
import { chmod, mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { naming } from '../../cache/disk/index.ts'
import type { Store } from '../../cache/store.ts'
import { BuildError } from '../../core/errors.ts'
import type { GitSource } from '../../core/git-source.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { findInFolder, type Executor } from '../../executor/index.ts'
import type { ByteStream, ContextLocation } from '../config/locations.ts'
import type { Downloads } from '../sources/downloads.ts'
import type { GitCheckouts } from '../sources/git-checkouts.ts'
import type { Tasks } from '../tasks.ts'
import { readContextFile } from './read-context-file.ts'
import { stoppable } from './stoppable.ts'

/** A build context on this machine. */
export interface OpenedContext {
  /** Absolute path of what COPY takes from. */
  readonly folder: string
  /** `user`: a folder of the user's, whose ignore file counts. `fetched`: what somebody else may have made: nothing in it leads out of it. */
  readonly origin: 'user' | 'fetched'
  /** The folder outlives the build, so that it pays to remember what is in it. */
  readonly isLasting: boolean
  /** What came was a Dockerfile, and the folder is empty. */
  readonly dockerfile: { readonly text: string; readonly name: string } | undefined
  /** The archive that it was unpacked from, if it was one. Absolute. */
  readonly archive: string | undefined
  /** Names the context in the same way in each build. */
  readonly identity: string
}

export interface ContextServices {
  readonly store: Store
  readonly downloads: Downloads
  readonly checkouts: GitCheckouts
  readonly executor: () => Promise<Executor>
  readonly stdin: ByteStream
  readonly signal: AbortSignal
  readonly tasks: Tasks
  /** Leave `.git` in contexts that are git repositories. */
  readonly keepGitDirectory: boolean
  /** The time that files of git repositories get whose address does not say. */
  readonly filesTime: 'checkout' | 'commit'
}

/** Brings the context onto this machine. What is unpacked for it goes with the store's lease.
 *  @throws {BuildError} `CONTEXT_INVALID`, `ARCHIVE_INVALID`, and what downloads and git throw; `signal.reason` */
export async function openContext(location: ContextLocation, services: ContextServices): Promise<OpenedContext> {
  switch (location.kind) {
    case 'folder':
      return openFolder(location.path)
    case 'stream':
      return openStream(location.bytes ?? services.stdin, services)
    case 'git':
      return openGit(location.source, services)
    case 'url':
      return openUrl(location.url, services)
    default:
      return location satisfies never
  }
}

/** A folder of the user's.
 *  @throws {BuildError} `CONTEXT_INVALID` */
export async function openFolder(path: string): Promise<OpenedContext> {
  await requireFolder(path)
  return { folder: path, origin: 'user', isLasting: true, dockerfile: undefined, archive: undefined, identity: path }
}

async function openStream(bytes: ByteStream, services: ContextServices): Promise<OpenedContext> {
  const path = await saveStream(bytes, services)
  return openFile(path, 'Dockerfile', '-', services)
}

async function openUrl(url: string, services: ContextServices): Promise<OpenedContext> {
  const { path, name, identity } = await downloadContext(url, services)
  return openFile(path, name, identity, services)
}

/** @returns path of a file that goes with the lease */
export async function saveStream(
  bytes: ByteStream,
  { store, signal, tasks }: Pick<ContextServices, 'store' | 'signal' | 'tasks'>,
): Promise<string> {
  const path = join(await store.lease.makeFolder('context'), 'bytes')
  await tasks.run('[internal] load remote build context', async () => {
    try {
      await pipeline(stoppable(bytes, signal), createWriteStream(path))
    } catch (error) {
      signal.throwIfAborted()
      throw naming(path, error)
    }
  })
  return path
}

/** @returns path of the file, what a Dockerfile in its place is called, and what the context is called */
export async function downloadContext(url: string, { store, downloads }: Pick<ContextServices, 'store' | 'downloads'>) {
  const { digest } = await downloads.fetch(url)
  const name = basename(new URL(url).pathname) || 'Dockerfile'
  return { path: store.blobs.pathOf(digest), name, identity: redactCredentials(url) }
}

async function openGit(source: GitSource, services: ContextServices): Promise<OpenedContext> {
  const { checkouts, keepGitDirectory, filesTime } = services
  const { commit, name } = await checkouts.pin(source)
  const { submodules, mtime = filesTime } = source
  const isKept = source.keepGitDirectory ?? keepGitDirectory
  const gitDirectory = isKept ? { origin: redactCredentials(source.repository), name } : undefined
  const checkout = await checkouts.checkOut({
    type: 'git',
    commit,
    submodules,
    mtime,
    gitDirectory,
    unkeyed: { source },
  })
  const folder = findInFolder(checkout, source.subdirectory)
  if (folder === undefined || !(await stat(folder)).isDirectory()) {
    throw new BuildError(
      'CONTEXT_INVALID',
      `Cannot build in ${source.shown}: it has no directory ${JSON.stringify(source.subdirectory)}`,
    )
  }
  return {
    folder,
    origin: 'fetched',
    isLasting: true,
    dockerfile: undefined,
    archive: undefined,
    identity: source.shown,
  }
}

/** An archive is unpacked; anything else is a Dockerfile. */
async function openFile(
  path: string,
  name: string,
  identity: string,
  { store, executor, signal, tasks }: ContextServices,
): Promise<OpenedContext> {
  const outer = await store.lease.makeFolder('context')
  await chmod(outer, 0o700) // what is unpacked may have setuid bits
  const folder = join(outer, 'files')
  await mkdir(folder)
  const common = { folder, origin: 'fetched', isLasting: false, identity } as const
  const file = await readContextFile(path, name, identity)
  if (file.kind === 'dockerfile') return { ...common, dockerfile: file, archive: undefined }
  await tasks.run('[internal] unpack build context', async () => {
    await (await executor()).call('unpackContext', { archive: path, folder }, { signal })
  })
  return { ...common, dockerfile: undefined, archive: path }
}

async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw new BuildError(
    'CONTEXT_INVALID',
    `Cannot build in ${path}: ${found === undefined ? 'there is no such folder' : 'it is no folder'}`,
    {
      hint: 'The last argument is the folder that COPY takes files from, often just a dot.',
    },
  )
}
