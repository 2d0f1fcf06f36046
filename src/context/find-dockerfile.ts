import { access, constants, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { Settings } from '../config/settings.ts'

/** Path of the Dockerfile to build: the one asked for, else `Dockerfile`, else `dockerfile`, in the context.
 *  @throws {BuildError} `CONTEXT_INVALID`, `DOCKERFILE_NOT_FOUND` */
export async function findDockerfile({ context, file }: Pick<Settings, 'context' | 'file'>): Promise<string> {
  await requireFolder(context)
  const candidates = file === undefined ? [join(context, 'Dockerfile'), join(context, 'dockerfile')] : [file]
  for (const candidate of candidates) if (await isReadableFile(candidate)) return candidate
  const [first = ''] = candidates
  throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${first}: there is no such file`, {
    hint: 'Name the file with --file if it is called otherwise; its path is relative to the current folder.',
  })
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

async function isReadableFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return false
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw new BuildError('DOCKERFILE_NOT_FOUND', `Cannot read the Dockerfile ${path}: this user may not`, {
      cause: error,
    })
  })
  return true
}
