import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { BuildError } from '../../core/errors.ts'
import { systemCode } from '../disk/index.ts'
import { askCredentialHelper } from './credential-helper.ts'

/** What to identify ourselves with. */
export type Credentials =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** Buys bearer tokens from the registry's token server. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly kind: 'bearer'; readonly token: string }

/** @throws {BuildError} `CREDENTIALS_INVALID` */
export type FindCredentials = (registry: string, repository: string, signal?: AbortSignal) => Promise<Credentials>

export const anonymous: FindCredentials = () => Promise.resolve({ kind: 'anonymous' })

const entrySchema = z.object({
  auth: z.optional(z.string()),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  identitytoken: z.optional(z.string()),
  registrytoken: z.optional(z.string()),
})
const configSchema = z.object({
  auths: z.nullish(z.record(z.string(), z.nullish(entrySchema))),
  credsStore: z.nullish(z.string()),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
})
type DockerConfig = z.output<typeof configSchema>
type Entry = z.output<typeof entrySchema>

/** What `docker login` and `podman login` left behind.
 *  @param configFolder holds `config.json`: `$DOCKER_CONFIG`, else `~/.docker`. It is read at first use; when it is missing, all are anonymous.
 *  @see https://docs.docker.com/reference/cli/docker/login/#credential-stores */
export function dockerCredentials(configFolder: string): FindCredentials {
  const file = join(configFolder, 'config.json')
  let config: Promise<DockerConfig> | undefined
  return async (registry, repository, signal) => {
    config ??= readConfig(file)
    return findIn(await config, file, registry, repository, signal)
  }
}

async function findIn(
  config: DockerConfig,
  file: string,
  registry: string,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<Credentials> {
  const keys = keysFor(registry, repository)
  const helper = lookUp(config.credHelpers ?? {}, keys) ?? config.credsStore ?? undefined
  if (helper !== undefined && helper !== '') {
    const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry
    const found = await askCredentialHelper(helper, server, signal)
    if (found.kind !== 'anonymous') return found
  }
  const entry = lookUp(config.auths ?? {}, keys)
  return entry === undefined || entry === null ? { kind: 'anonymous' } : readEntry(entry, file, registry)
}

/** The most exact first: podman's entries may be for a part of a registry. */
function keysFor(registry: string, repository: string): readonly string[] {
  const parts = repository.split('/')
  return [...parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join('/')}`), registry]
}

function lookUp<T>(map: Readonly<Record<string, T>>, keys: readonly string[]): T | undefined {
  const byPlainKey = new Map(Object.entries(map).map(([key, value]) => [plainKey(key), value]))
  const key = keys.find((candidate) => byPlainKey.has(candidate))
  return key === undefined ? undefined : byPlainKey.get(key)
}

/** Keys come as hosts and as addresses of the API; Docker Hub has several names. */
function plainKey(key: string): string {
  const plain = key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '')
  return plain.replace(/^(?:index|registry-1|registry)\.docker\.io(?=\/|$)/, 'docker.io').replace(/\/v[12]$/, '')
}

function readEntry(entry: Entry, file: string, registry: string): Credentials {
  if (entry.registrytoken) return { kind: 'bearer', token: entry.registrytoken }
  if (entry.identitytoken) return { kind: 'identity-token', token: entry.identitytoken }
  if (entry.auth) {
    const text = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '')
    const colon = text.indexOf(':')
    if (colon <= 0) throw invalid(file, `its entry for ${registry} is not base64 of "user:password"`)
    return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) }
  }
  if (entry.username) return { kind: 'basic', username: entry.username, password: entry.password ?? '' }
  return { kind: 'anonymous' }
}

async function readConfig(file: string): Promise<DockerConfig> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return {}
    throw invalid(file, code ?? 'it cannot be read')
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid(file, 'it is no JSON') // the parser's own message would quote the file
  }
  const result = configSchema.safeParse(json)
  if (result.success) return result.data
  throw invalid(file, `its ${result.error.issues[0]?.path[0]?.toString() ?? 'content'} has another form than expected`)
}

function invalid(file: string, why: string): BuildError {
  return new BuildError('CREDENTIALS_INVALID', `Cannot read credentials from ${file}: ${why}`, {
    hint: 'Log in to the registry again.',
  })
}
