import { BuildError } from '../../core/errors.ts'
import type { ByteStream, ContextLocation } from '../config/locations.ts'
import type { Settings } from '../config/settings.ts'
import { openFolder, type OpenedContext } from '../context/open-context.ts'
import { readDockerfile, readText, type DockerfileText } from '../context/read-dockerfile.ts'

export interface LookServices {
  readonly stdin: ByteStream
  readonly signal: AbortSignal
}

/** Reads the Dockerfile of a context that is here: a folder, or a Dockerfile by itself on standard input. Nothing is fetched or unpacked to
 *  look at it.
 *  @throws {BuildError} `UNSUPPORTED` for other contexts, and what `readDockerfile()` throws */
export async function openToLook(
  { context: location, file }: Pick<Settings, 'context' | 'file'>,
  services: LookServices,
): Promise<{ readonly context: OpenedContext; readonly dockerfile: DockerfileText }> {
  const context = await openContextToLook(location, services)
  const download = (): Promise<never> => Promise.reject(notHere('the Dockerfile'))
  return { context, dockerfile: await readDockerfile(file, context, { ...services, download }) }
}

async function openContextToLook(location: ContextLocation, services: LookServices): Promise<OpenedContext> {
  switch (location.kind) {
    case 'folder':
      return openFolder(location.path)
    case 'stream': {
      const text = await readText(location.bytes ?? services.stdin, 'standard input', services.signal)
      if (text.includes('\0')) throw notHere('the context')
      const dockerfile = { text, name: 'Dockerfile' }
      return { folder: '/', origin: 'fetched', isLasting: false, dockerfile, archive: undefined, identity: '-' }
    }
    case 'git':
    case 'url':
      throw notHere('the context')
    default:
      return location satisfies never
  }
}

function notHere(what: string): BuildError {
  return new BuildError(
    'UNSUPPORTED',
    `Cannot look at the Dockerfile: ${what} is not here, and nothing is fetched to look`,
    {
      hint: 'Fetch or unpack it into a folder first, and give the path of that folder.',
    },
  )
}
