import { createReadStream } from 'node:fs'
import { basename, relative, resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { findInFolder } from '../../executor/index.ts'
import type { ByteStream, FileLocation } from '../config/locations.ts'
import { findDockerfile } from './find-dockerfile.ts'
import type { OpenedContext } from './open-context.ts'
import { stoppable } from './stoppable.ts'

export interface DockerfileText {
  readonly text: string
  /** The name that positions carry: relative to the context, where it is in there. */
  readonly name: string
  /** Absolute; `undefined` when it is no file of the user's. Ignore files may stand beside it. */
  readonly path: string | undefined
  /** Names the file in the same way in each build. */
  readonly identity: string
}

export interface DockerfileServices {
  readonly stdin: ByteStream
  readonly signal: AbortSignal
  /** Brings a file into the store. @returns its path */
  readonly download: (url: string) => Promise<string>
}

/** More than any Dockerfile has: whatever is larger is something else. */
export const largestDockerfileBytes = 16 * 1024 * 1024

/** Reads the Dockerfile, wherever it is.
 *  @param location `undefined`: `Dockerfile`, else `dockerfile`, in the context
 *  @throws {BuildError} `DOCKERFILE_NOT_FOUND`, `OPTION_INVALID`, and what downloads throw; `signal.reason` */
export async function readDockerfile(
  location: FileLocation | undefined,
  context: OpenedContext,
  services: DockerfileServices,
): Promise<DockerfileText> {
  if (context.dockerfile !== undefined) {
    if (location !== undefined) throw twice()
    return { ...context.dockerfile, path: undefined, identity: context.identity }
  }
  switch (location?.kind) {
    case 'stdin': {
      const text = await readText(services.stdin, 'standard input', services.signal)
      return { text, name: 'Dockerfile', path: undefined, identity: '-' }
    }
    case 'url': {
      const shown = redactCredentials(location.url)
      const file = createReadStream(await services.download(location.url))
      const name = basename(new URL(location.url).pathname) || 'Dockerfile'
      return { text: await readText(file, shown, services.signal), name, path: undefined, identity: shown }
    }
    case 'path':
    case undefined: {
      const asked = location?.path
      if (context.origin === 'fetched') return readFetched(asked, context, services.signal)
      const path = await findDockerfile({
        context: context.folder,
        file: asked === undefined ? undefined : resolve(asked),
      })
      const inContext = relative(context.folder, path)
      const name = inContext.startsWith('..') ? path : inContext
      return { text: await readText(createReadStream(path), path, services.signal), name, path, identity: path }
    }
    default:
      return location satisfies never
  }
}

async function readFetched(
  asked: string | undefined,
  { folder, identity }: OpenedContext,
  signal: AbortSignal,
): Promise<DockerfileText> {
  const candidates = asked === undefined ? ['Dockerfile', 'dockerfile'] : [asked]
  for (const name of candidates) {
    const path = findInFolder(folder, name)
    if (path === undefined) continue
    const text = await readText(createReadStream(path), name, signal)
    return { text, name, path: undefined, identity: `${identity} ${name}` }
  }
  const [first = ''] = candidates
  throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${first}: the context has no such file`, {
    hint: 'Name the file with --file if it is called otherwise; its path is relative to the context.',
  })
}

/** @param from what the bytes are, for people
 *  @throws {BuildError} `DOCKERFILE_NOT_FOUND` when they are too many, or cannot be read; `signal.reason` */
export async function readText(bytes: ByteStream, from: string, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of stoppable(bytes, signal)) {
      sizeBytes += chunk.length
      if (sizeBytes > largestDockerfileBytes) throw tooLarge(from)
      chunks.push(chunk)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BuildError || !(error instanceof Error)) throw error
    throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${from}: ${error.message}`, {
      cause: error,
    })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(from: string): BuildError {
  return new BuildError(
    'DOCKERFILE_NOT_FOUND',
    `Cannot read the Dockerfile ${from}: it has more than ${largestDockerfileBytes / 1024 / 1024} MiB`,
  )
}

function twice(): BuildError {
  return new BuildError('OPTION_INVALID', 'Cannot use two Dockerfiles: the context is one, and --file names another', {
    hint: 'Leave out --file, or give a folder or an archive as the context.',
  })
}
