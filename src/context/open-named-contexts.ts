import { constants } from 'node:fs'
import { chmod, copyFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { naming } from '../../cache/disk/index.ts'
import { BuildError } from '../../core/errors.ts'
import { reachableFrom } from '../../core/graph.ts'
import { findUrlFileName } from '../../core/url-file-name.ts'
import type { ContextFolder } from '../../executor/index.ts'
import type { BuildPlan } from '../../frontend/index.ts'
import type { NamedContext } from '../images/named-context.ts'
import { openContext, type ContextServices } from './open-context.ts'

/** Brings those named contexts onto this machine that the plans take files from, by name.
 *  @throws {BuildError} as `openContext()` does */
export async function openNamedContexts(
  plans: readonly BuildPlan[],
  contexts: ReadonlyMap<string, NamedContext>,
  services: ContextServices,
): Promise<ReadonlyMap<string, ContextFolder>> {
  const vertices = plans.flatMap(({ graph, target }) => reachableFrom(graph, target))
  const wanted = new Set(vertices.flatMap(({ op }) => (op.type === 'context' ? [op.name] : [])))
  const opened = await Promise.all(
    [...contexts].map(async ([name, context]): Promise<readonly (readonly [string, ContextFolder])[]> => {
      const folder = wanted.has(name) ? await openFolder(context, services) : undefined
      return folder === undefined ? [] : [[name, folder]]
    }),
  )
  return new Map(opened.flat())
}

async function openFolder(context: NamedContext, services: ContextServices): Promise<ContextFolder | undefined> {
  switch (context.kind) {
    case 'folder':
      return { path: context.path, isLasting: true }
    case 'git': {
      const { folder, isLasting } = await openContext(context, {
        ...services,
        keepGitDirectory: false,
        filesTime: 'checkout',
      })
      return { path: folder, isLasting }
    }
    case 'url':
      return { path: await openUrl(context.url, services), isLasting: false }
    case 'image':
    case 'oci-layout':
    case 'scratch':
      return undefined
    default:
      return context satisfies never
  }
}

/** A folder with the one file, as ADD would have it. */
async function openUrl(url: string, { store, downloads }: ContextServices): Promise<string> {
  const name = findUrlFileName(url)
  if (name === undefined)
    throw new BuildError('CONTEXT_INVALID', 'Cannot use a URL as a context: its last part is no name of a file')
  const { digest, mtimeSeconds = 0 } = await downloads.fetch(url)
  const folder = await store.lease.makeFolder('named')
  const path = join(folder, name)
  await copyFile(store.blobs.pathOf(digest), path, constants.COPYFILE_FICLONE).catch((error: unknown) => {
    throw naming(path, error)
  })
  await chmod(path, 0o600)
  await utimes(path, mtimeSeconds, mtimeSeconds)
  return folder
}
