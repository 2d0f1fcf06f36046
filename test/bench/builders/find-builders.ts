import { UsageError, type Options } from '../options.ts'
import { Buildah } from './buildah.ts'
import type { Builder } from './builder.ts'
import { Docker } from './docker.ts'
import { Stave } from './stave.ts'

/** Opens stave, and those of the others that are wanted and have been set up; says which are not.
 *  @param folder for their stores
 *  @throws {UsageError} */
export async function findBuilders({ others, builders }: Options, folder: string): Promise<readonly Builder[]> {
  const candidates: Readonly<Record<string, () => Promise<Builder | undefined>>> = {
    stave: () => Stave.open(folder),
    docker: () => Docker.find(others, 'docker'),
    'docker-classic': () => Docker.find(others, 'docker-classic'),
    buildah: () => Buildah.find(others, folder),
  }
  const unknown = builders?.filter((name) => !(name in candidates)) ?? []
  if (unknown.length > 0)
    throw new UsageError(`no builder ${unknown.join(', ')}; there are ${Object.keys(candidates).join(', ')}`)
  const found: Builder[] = []
  for (const [name, find] of Object.entries(candidates)) {
    if (name !== 'stave' && builders?.includes(name) === false) continue
    const builder = await find()
    if (builder === undefined) console.error(`${name}: not set up, left out`)
    else found.push(builder)
  }
  return found
}
