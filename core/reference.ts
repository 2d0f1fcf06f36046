import { isDigest, type Digest } from './digest.ts'
import { BuildError } from './errors.ts'

/** The name of an image in a registry. */
export interface Reference {
  /** Host and port. `docker.io` where the user named none. */
  readonly registry: string
  /** Lower case; official images are below `library/`. */
  readonly repository: string
  /** With neither tag nor digest, `latest` is meant. */
  readonly tag: string | undefined
  /** Decides where there is a tag as well. */
  readonly digest: Digest | undefined
}

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const host = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`)
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const path = new RegExp(`^${component}(?:/${component})*$`)
const tagPattern = /^\w[\w.-]{0,127}$/

/** Reads what people write, `busybox`, `ghcr.io/a/b:1`, `localhost:5000/x@sha256:…`, as Docker takes it: a first part
 *  with a dot, a colon or a capital letter in it, or `localhost`, is the registry.
 *  @throws {BuildError} `REFERENCE_INVALID`
 *  @see https://github.com/distribution/reference/blob/main/reference.go */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = splitReference(text)
  const { registry, remainder } = splitRegistry(name)
  const repository = registry === 'docker.io' && !remainder.includes('/') ? `library/${remainder}` : remainder
  if (name === '') throw invalid(text, 'it names no repository')
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(text, '64 hexadecimal digits are an image id, not a name')
  if (!host.test(registry)) throw invalid(text, `${JSON.stringify(registry)} is no host name`)
  if (!path.test(repository)) {
    if (path.test(repository.toLowerCase())) throw invalid(text, 'a repository name must be lower case')
    throw invalid(text, `${JSON.stringify(remainder)} is no repository name`)
  }
  if (repository.length > 255) throw invalid(text, 'a repository name has at most 255 characters')
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is no tag`)
  return { registry, repository, tag, digest }
}

/** The full spelling: `docker.io/library/busybox:latest`. Reading it again gives the same image. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  if (digest === undefined) return `${registry}/${repository}:${tag ?? 'latest'}`
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}@${digest}`
}

function splitReference(text: string) {
  const at = text.indexOf('@')
  const named = at < 0 ? text : text.slice(0, at)
  const digest = at < 0 ? undefined : text.slice(at + 1)
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `${JSON.stringify(digest)} is no digest: "sha256:" and 64 lowercase hex digits were expected`)
  }
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  return colon < 0
    ? { name: named, tag: undefined, digest }
    : { name: named.slice(0, colon), tag: named.slice(colon + 1), digest }
}

function splitRegistry(name: string) {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  if (slash < 0 || !isRegistry) return { registry: 'docker.io', remainder: name }
  return { registry: first === 'index.docker.io' ? 'docker.io' : first, remainder: name.slice(slash + 1) }
}

function invalid(text: string, why: string): BuildError {
  return new BuildError('REFERENCE_INVALID', `Cannot parse image reference ${JSON.stringify(text)}: ${why}`, {
    hint: 'A reference is [registry/]repository[:tag][@digest], such as debian:12 or ghcr.io/owner/name:1.0.',
  })
}
