import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, relative, resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { findInFolder } from '../../executor/index.ts'
import type { ByteStream, FileLocation } from '../config/locations.ts'
import { findDockerfile } from './find-dockerfile.ts'
import type { OpenedContext } from './open-context.ts'
import { readFileOrPipe } from './read-file-or-pipe.ts'
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
      if (context.origin === 'fetched') {
        const { folder, identity } = context
        return readFetched(asked, { identity, open: (name) => openInFolder(folder, name) }, services.signal)
      }
      const path = await findDockerfile({
        context: context.folder,
        file: asked === undefined ? undefined : resolve(asked),
      })
      const inContext = relative(context.folder, path)
      const name = inContext.startsWith('..') ? path : inContext
      return {
        text: await readText(readFileOrPipe(path, services.signal), path, services.signal),
        name,
        path,
        identity: path,
      }
    }
    default:
      return location satisfies never
  }
}

/** A context that somebody else has made. */
export interface FetchedContext {
  readonly identity: string
  /** The bytes of the file of that name. `undefined`: there is none. */
  readonly open: (name: string) => Promise<ByteStream | undefined>
}

/** @param asked `undefined`: `Dockerfile`, else `dockerfile`
 *  @throws {BuildError} `DOCKERFILE_NOT_FOUND`; `signal.reason` */
export async function readFetched(
  asked: string | undefined,
  { identity, open }: FetchedContext,
  signal: AbortSignal,
): Promise<DockerfileText> {
  const candidates = asked === undefined ? ['Dockerfile', 'dockerfile'] : [asked]
  for (const name of candidates) {
    const bytes = await open(name)
    if (bytes === undefined) continue
    const text = await readText(bytes, name, signal)
    return { text, name, path: undefined, identity: `${identity} ${name}` }
  }
  const [first = ''] = candidates
  throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${first}: the context has no such file`, {
    hint: 'Name the file with --file if it is called otherwise; its path is relative to the context.',
  })
}

/** Files alone: whoever waits for what comes out of a pipe in an archive waits forever. */
async function openInFolder(folder: string, name: string): Promise<ByteStream | undefined> {
  const path = findInFolder(folder, name)
  return path !== undefined && (await stat(path)).isFile() ? createReadStream(path) : undefined
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
