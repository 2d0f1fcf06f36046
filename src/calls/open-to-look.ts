import { findInArchive } from '../../executor/index.ts'
import type { ContextLocation } from '../config/locations.ts'
import type { Settings } from '../config/settings.ts'
import { downloadContext, openContext, openFolder, saveStream, type OpenedContext } from '../context/open-context.ts'
import { readContextFile } from '../context/read-context-file.ts'
import { readDockerfile, readFetched, readText, type DockerfileText } from '../context/read-dockerfile.ts'
import { stoppable } from '../context/stoppable.ts'
import type { BuildServices, BuildSurroundings } from '../services.ts'
import { ThrowawayServices } from './throwaway-services.ts'

/** A context and its Dockerfile. Of one that was fetched, nothing but the Dockerfile is there any more. */
export interface OpenedToLook {
  readonly context: OpenedContext
  readonly dockerfile: DockerfileText
}

/** Reads the Dockerfile of a context. What is elsewhere is fetched as for a build, into a temporary folder that is gone afterwards; an archive is not unpacked.
 *  @throws {BuildError} what `readDockerfile()`, downloads and git throw, `ARCHIVE_INVALID`; `signal.reason` */
export async function openToLook(settings: Settings, surroundings: BuildSurroundings): Promise<OpenedToLook> {
  await using elsewhere = new ThrowawayServices(settings, surroundings)
  const { stdin, signal } = surroundings
  const { file } = settings
  const context = await openContextToLook(settings.context, surroundings, elsewhere)
  const { archive, identity } = context
  if (archive !== undefined && (file === undefined || file.kind === 'path')) {
    const open = (name: string) => findInArchive(archive, name, signal)
    return { context, dockerfile: await readFetched(file?.path, { identity, open }, signal) }
  }
  const download = async (url: string): Promise<string> => {
    const { store, downloads } = await elsewhere.open()
    return store.blobs.pathOf((await downloads.fetch(url)).digest)
  }
  return { context, dockerfile: await readDockerfile(file, context, { stdin, signal, download }) }
}

async function openContextToLook(
  location: ContextLocation,
  { stdin, signal }: BuildSurroundings,
  elsewhere: ThrowawayServices,
): Promise<OpenedContext> {
  switch (location.kind) {
    case 'folder':
      return openFolder(location.path)
    case 'stream':
      return openStream(stoppable(location.bytes ?? stdin, signal), signal, elsewhere)
    case 'git':
      return openContext(location, (await elsewhere.open()).contexts)
    case 'url':
      return openUrl(location.url, await elsewhere.open())
    default:
      return location satisfies never
  }
}

/** A Dockerfile by itself needs no folder. */
async function openStream(
  bytes: AsyncGenerator<Uint8Array>,
  signal: AbortSignal,
  elsewhere: ThrowawayServices,
): Promise<OpenedContext> {
  const { beginsLikeArchive, blockBytes } = await import('../../cache/tar/index.ts')
  const { peek } = await import('../../cache/compression/index.ts')
  const { first, all } = await peek(bytes, blockBytes)
  if (beginsLikeArchive(first)) return unopened('-', await saveStream(all, (await elsewhere.open()).contexts))
  const text = await readText(all, 'standard input', signal)
  return { ...unopened('-', undefined), dockerfile: { text, name: 'Dockerfile' } }
}

async function openUrl(url: string, { contexts }: BuildServices): Promise<OpenedContext> {
  const { path, name, identity } = await downloadContext(url, contexts)
  const file = await readContextFile(path, name, identity)
  if (file.kind === 'archive') return unopened(identity, path)
  return { ...unopened(identity, undefined), dockerfile: file }
}

/** A context of which only the Dockerfile will be looked at. */
function unopened(identity: string, archive: string | undefined): OpenedContext {
  return { folder: '/', origin: 'fetched', isLasting: false, dockerfile: undefined, archive, identity }
}
