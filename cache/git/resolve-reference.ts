import { BuildError } from '../../core/errors.ts'
import { findSuggestion } from '../../core/suggestion.ts'
import { askRepository, type Repository } from './repository.ts'

export interface ResolvedReference {
  readonly commit: string
  /** The full name, such as `refs/tags/v1`; `undefined` for HEAD. */
  readonly name: string | undefined
  /** The object of an annotated tag, which is another than the commit that it tags. */
  readonly tagObject: string | undefined
}

/** What the reference is in the repository now. A branch goes before a tag of the same name.
 *  @param reference `undefined`: HEAD
 *  @throws {BuildError} `SOURCE_NOT_FOUND`, and what `askRepository()` throws */
export async function resolveReference(
  repository: Repository,
  reference: string | undefined,
  options: { readonly cwd: string; readonly signal: AbortSignal },
): Promise<ResolvedReference> {
  const patterns = reference === undefined ? ['HEAD'] : [reference, `${reference}^{}`]
  const text = await askRepository(repository, ['ls-remote', '--quiet', '--', repository.address, ...patterns], options)
  const objects = objectsIn(text)
  for (const name of candidatesOf(reference)) {
    const object = objects.get(name)
    if (object === undefined) continue
    const tagged = objects.get(`${name}^{}`)
    return {
      commit: tagged ?? object,
      name: name === 'HEAD' ? undefined : name,
      tagObject: tagged === undefined ? undefined : object,
    }
  }
  throw await missing(repository, reference, options)
}

function candidatesOf(reference: string | undefined): readonly string[] {
  if (reference === undefined || reference === 'HEAD') return ['HEAD']
  if (reference.startsWith('refs/')) return [reference]
  return [`refs/heads/${reference}`, `refs/${reference}`, `refs/tags/${reference}`]
}

/** Full name -> object. Names are a server's: only what looks like one counts. */
function objectsIn(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, object, name] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$/.exec(line) ?? []
      return object === undefined || name === undefined ? [] : [[name, object] as const]
    }),
  )
}

async function missing(
  repository: Repository,
  reference: string | undefined,
  options: { readonly cwd: string; readonly signal: AbortSignal },
): Promise<BuildError> {
  if (reference === undefined) {
    return new BuildError('SOURCE_NOT_FOUND', `Cannot use ${repository.address}: the repository is empty`)
  }
  const args = ['ls-remote', '--quiet', '--heads', '--tags', '--refs', '--', repository.address]
  const names = [...objectsIn(await askRepository(repository, args, options)).keys()]
  const near = findSuggestion(
    reference,
    names.map((name) => name.replace(/^refs\/(?:heads|tags)\//, '')),
  )
  return new BuildError(
    'SOURCE_NOT_FOUND',
    `Cannot use ${repository.address}: it has no branch or tag ${JSON.stringify(reference)}`,
    { hint: near === undefined ? 'A commit must be given in full.' : `Did you mean ${JSON.stringify(near)}?` },
  )
}
