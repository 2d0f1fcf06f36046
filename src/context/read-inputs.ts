import { basename } from 'node:path'
import type { IgnoreFile } from '../../frontend/index.ts'
import type { BuildServices } from '../services.ts'
import { openContext, type OpenedContext } from './open-context.ts'
import { readDockerfile, type DockerfileText } from './read-dockerfile.ts'
import { readIgnoreFiles } from './read-ignore-files.ts'

/** What the user gives to be built. */
export interface BuildInputs {
  readonly context: OpenedContext
  readonly dockerfile: DockerfileText
  /** By the name of the context. */
  readonly ignore: ReadonlyMap<string, IgnoreFile>
}

/** Brings the context onto this machine, and reads the Dockerfile and the ignore files, wherever they are.
 *  @throws {BuildError} `CONTEXT_INVALID`, `DOCKERFILE_NOT_FOUND`, and what downloads and git throw */
export async function readInputs(services: BuildServices): Promise<BuildInputs> {
  const { settings, store, downloads, images } = services
  const { stdin, signal, tasks } = services.surroundings
  const context = await openContext(settings.context, services.contexts)
  const download = async (url: string): Promise<string> => store.blobs.pathOf((await downloads.fetch(url)).digest)
  const dockerfile = await readDockerfile(settings.file, context, { stdin, signal, download })
  const ignore = await tasks.run(`[internal] load build definition from ${basename(dockerfile.name)}`, () =>
    readIgnoreFiles(context, dockerfile, images.contexts),
  )
  return { context, dockerfile, ignore }
}
