import type { IgnoreFile } from '../../frontend/index.ts'
import type { NamedContext } from '../images/named-context.ts'
import { findIgnoreFile } from './find-ignore-file.ts'
import type { OpenedContext } from './open-context.ts'
import type { DockerfileText } from './read-dockerfile.ts'

/** What each context's own ignore file says, by the name of the context.
 *  @param named named contexts, of which folders have ignore files */
export async function readIgnoreFiles(
  context: OpenedContext,
  dockerfile: DockerfileText,
  named: ReadonlyMap<string, NamedContext>,
): Promise<ReadonlyMap<string, IgnoreFile>> {
  const found = await Promise.all([
    context.origin === 'user'
      ? findIgnoreFile(context.folder, dockerfile.path).then((ignore) => ['context', ignore] as const)
      : (['context', undefined] as const),
    ...[...named].map(async ([name, other]) => {
      return [name, other.kind === 'folder' ? await findIgnoreFile(other.path, undefined) : undefined] as const
    }),
  ])
  return new Map(found.filter((entry): entry is readonly [string, IgnoreFile] => entry[1] !== undefined))
}
