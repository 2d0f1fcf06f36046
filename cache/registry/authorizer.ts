import * as z from 'zod/mini'
import { readChallenges, type Challenge } from './challenge.ts'
import type { Answer, Clock, Transport } from '../http/index.ts'
import type { Credentials, FindCredentials } from './credentials.ts'
import { complaintOf, registryFailed, statusError, type Purpose } from './registry-error.ts'
import { findTarget } from './registry-url.ts'

/** What a request wants to do where. */
export interface Wish {
  readonly registry: string
  readonly repository: string
  /** `push` comes with `pull`. */
  readonly action: 'pull' | 'push'
  /** Further repositories of the registry to read from, for mounts. */
  readonly alsoPull?: readonly string[]
}

const largestTokenBytes = 256 * 1024
/** A token that is about to expire would do so on its way. */
const expiryMarginMs = 10_000
const defaultLifeMs = 60_000

const tokenSchema = z.object({
  token: z.nullish(z.string()),
  access_token: z.nullish(z.string()),
  expires_in: z.nullish(z.number()),
})

interface Token {
  readonly header: string
  readonly expiresAtMs: number
}

/** Turns credentials into `Authorization` headers, as each registry's challenges want it. Tokens are kept until they expire.
 *  @see https://distribution.github.io/distribution/spec/auth/token/ */
export class Authorizer {
  readonly #transport: Transport
  readonly #findCredentials: FindCredentials
  readonly #clock: Clock
  readonly #tokens = new Map<string, Token>()
  readonly #credentials = new Map<string, Promise<Credentials>>()
  readonly #secrets = new Set<string>()

  constructor(transport: Transport, findCredentials: FindCredentials, clock: Clock) {
    this.#transport = transport
    this.#findCredentials = findCredentials
    this.#clock = clock
  }

  /** What must never get into a message. */
  get secrets(): readonly string[] {
    return [...this.#secrets]
  }

  /** What earlier challenges taught; `undefined`: ask without. */
  findHeader(wish: Wish): string | undefined {
    const token = this.#tokens.get(keyOf(wish))
    return token === undefined || token.expiresAtMs <= this.#clock.now() ? undefined : token.header
  }

  async isAnonymous(wish: Wish): Promise<boolean> {
    return (await this.#credentialsFor(wish, undefined)).kind === 'anonymous'
  }

  /** Answers a 401 so that `findHeader` knows better afterwards. `false`: there is nothing to answer with.
   *  @param refused the header that did not do
   *  @throws {BuildError} `REGISTRY_DENIED`, `REGISTRY_FAILED`, `CREDENTIALS_INVALID`, and what the transport throws */
  async answer(
    refusal: Answer,
    refused: string | undefined,
    wish: Wish,
    purpose: Purpose,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const known = this.findHeader(wish)
    if (known !== undefined && known !== refused) return true // a request beside this one has learned it meanwhile
    const challenges = readChallenges(refusal.header('www-authenticate') ?? '')
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer')
    if (bearer?.error === 'insufficient_scope') return false
    const credentials = await this.#credentialsFor(wish, signal)
    if (bearer !== undefined) {
      const token =
        credentials.kind === 'bearer'
          ? forever(`Bearer ${credentials.token}`)
          : await this.#fetchToken(bearer, refusal.url, credentials, wish, purpose, signal)
      this.#keep(wish, token)
      return token.header !== refused
    }
    const takesBasic = challenges.some(({ scheme }) => scheme === 'basic')
    if (!takesBasic || credentials.kind !== 'basic') return false
    const token = forever(basicHeader(credentials))
    this.#keep(wish, token)
    return token.header !== refused
  }

  #keep(wish: Wish, token: Token): void {
    this.#tokens.set(keyOf(wish), token)
    this.#secrets.add(token.header.replace(/^\w+ /, ''))
  }

  async #credentialsFor({ registry, repository }: Wish, signal: AbortSignal | undefined): Promise<Credentials> {
    const key = `${registry}/${repository}`
    let found = this.#credentials.get(key)
    if (found === undefined) {
      found = this.#findCredentials(registry, repository, signal)
      this.#credentials.set(key, found)
      found.catch(() => this.#credentials.delete(key))
    }
    const credentials = await found
    for (const secret of secretsOf(credentials)) this.#secrets.add(secret)
    return credentials
  }

  async #fetchToken(
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    askedAt: URL,
    credentials: Credentials,
    wish: Wish,
    purpose: Purpose,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const realm = findTarget(challenge.realm, askedAt)
    if (realm === undefined || !/^https?:\/\//i.test(challenge.realm)) {
      throw registryFailed(purpose, 'the registry names no token server that could be trusted with credentials')
    }
    const scopes = mergeScopes([...scopesOf(wish), ...(challenge.scope?.split(' ') ?? [])])
    const asked =
      credentials.kind === 'identity-token'
        ? await this.#postForToken(realm, challenge.service, scopes, credentials.token, signal)
        : await this.#getToken(realm, challenge.service, scopes, credentials, signal)
    if (asked.status !== 200) {
      const complaint = await complaintOf(asked, this.secrets)
      throw statusError(`log in to ${wish.registry} to ${purpose}`, asked, complaint, credentials.kind === 'anonymous')
    }
    return this.#readToken(asked, purpose)
  }

  async #getToken(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credentials: Credentials,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const url = new URL(realm)
    if (service !== undefined) url.searchParams.set('service', service)
    for (const scope of scopes) url.searchParams.append('scope', scope)
    const headers: Record<string, string> =
      credentials.kind === 'basic' ? { authorization: basicHeader(credentials) } : {}
    return this.#transport.exchange({ method: 'GET', url, headers, signal })
  }

  /** @see https://distribution.github.io/distribution/spec/auth/oauth/ */
  async #postForToken(
    url: URL,
    service: string | undefined,
    scopes: readonly string[],
    identityToken: string,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: identityToken,
      client_id: 'stave',
      access_type: 'offline',
      scope: scopes.join(' '),
    })
    if (service !== undefined) form.set('service', service)
    const bytes = Buffer.from(form.toString())
    // eslint-disable-next-line @typescript-eslint/require-await
    async function* read() {
      yield bytes
    }
    const body = { mediaType: 'application/x-www-form-urlencoded', sizeBytes: bytes.length, read }
    return this.#transport.exchange({ method: 'POST', url, headers: {}, body, signal })
  }

  async #readToken(answer: Answer, purpose: Purpose): Promise<Token> {
    const bytes = await answer.readAtMost(largestTokenBytes)
    const result = tokenSchema.safeParse(bytes === undefined ? undefined : parsed(bytes))
    const token = result.data?.token || result.data?.access_token
    if (!token || !/^[\x21-\x7e]+$/.test(token)) {
      throw registryFailed(purpose, `the token server ${answer.url.host} answers without a token`)
    }
    const seconds = result.data?.expires_in ?? 0
    const lifeMs = Math.max(seconds > 0 ? seconds * 1000 : 0, defaultLifeMs)
    return { header: `Bearer ${token}`, expiresAtMs: this.#clock.now() + lifeMs - expiryMarginMs }
  }
}

function keyOf({ registry, repository, action, alsoPull = [] }: Wish): string {
  return [registry, repository, action, ...alsoPull].join(' ')
}

function scopesOf({ repository, action, alsoPull = [] }: Wish): readonly string[] {
  const own = `repository:${repository}:${action === 'push' ? 'pull,push' : 'pull'}`
  return [own, ...alsoPull.map((other) => `repository:${other}:pull`)]
}

/** One scope for each resource, its actions sorted: `repository:a:pull` and `repository:a:push` are `repository:a:pull,push`. */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const actions = new Map<string, Set<string>>()
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':')
    if (colon <= 0) continue
    const resource = scope.slice(0, colon)
    const known = actions.get(resource) ?? new Set()
    for (const action of scope.slice(colon + 1).split(',')) if (action !== '') known.add(action)
    actions.set(resource, known)
  }
  return [...actions].map(([resource, known]) => `${resource}:${[...known].sort().join(',')}`)
}

function forever(header: string): Token {
  return { header, expiresAtMs: Infinity }
}

function basicHeader({ username, password }: Extract<Credentials, { kind: 'basic' }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function secretsOf(credentials: Credentials): readonly string[] {
  switch (credentials.kind) {
    case 'anonymous':
      return []
    case 'basic':
      return [credentials.password, basicHeader(credentials).slice('Basic '.length)]
    case 'identity-token':
    case 'bearer':
      return [credentials.token]
    default:
      return credentials satisfies never
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
