import { access, constants, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'

interface DockerfilePlace {
  /** Absolute path of the context's folder. */
  readonly context: string
  /** Absolute; `undefined`: look for it in the context. */
  readonly file: string | undefined
}

/** Path of the Dockerfile to build: the one asked for, else `Dockerfile`, else `dockerfile`, in the context.
 *  @throws {BuildError} `DOCKERFILE_NOT_FOUND` */
export async function findDockerfile({ context, file }: DockerfilePlace): Promise<string> {
  const candidates = file === undefined ? [join(context, 'Dockerfile'), join(context, 'dockerfile')] : [file]
  for (const candidate of candidates) if (await isReadable(candidate, file !== undefined)) return candidate
  const [first = ''] = candidates
  const found = await stat(first).catch(() => undefined)
  const why =
    found === undefined ? 'there is no such file' : found.isDirectory() ? 'it is a folder' : 'it is no ordinary file'
  throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${first}: ${why}`, {
    hint: 'Name the file with --file if it is called otherwise; its path is relative to the current folder.',
  })
}

/** @param named whoever names a pipe means it; nobody waits at one that is found */
async function isReadable(path: string, named: boolean): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isDirectory() || !(named || found.isFile())) return false
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${path}: this user may not`, {
      cause: error,
    })
  })
  return true
}
