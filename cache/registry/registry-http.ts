import { BuildError } from '../../core/errors.ts'
import {
  mayConnectionPass,
  mayStatusPass,
  PassingFailure,
  retryAfterMs,
  retrying,
  type Answer,
  type Clock,
  type Exchange,
  type RequestBody,
  type Transport,
} from '../http/index.ts'
import type { Authorizer, Wish } from './authorizer.ts'
import { complaintOf, connectionError, registryFailed, statusError, type Purpose } from './registry-error.ts'
import { findTarget, registryOrigin, shownUrl } from './registry-url.ts'

export interface RegistryRequest {
  readonly method: Exchange['method']
  /** Below the registry's origin, or an address that the registry gave. */
  readonly target: string | URL
  readonly wish: Wish
  /** For messages: `pull docker.io/library/debian:12`. */
  readonly purpose: Purpose
  /** Statuses to hand out; any other is a failure. */
  readonly expect: readonly number[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  readonly signal?: AbortSignal | undefined
}

const mostRedirects = 5

/** Requests to registries: authorized, redirected, their failures named. */
export class RegistryHttp {
  readonly #transport: Transport
  readonly #authorizer: Authorizer
  readonly clock: Clock

  constructor(transport: Transport, authorizer: Authorizer, clock: Clock) {
    this.#transport = transport
    this.#authorizer = authorizer
    this.clock = clock
  }

  /** As `sendOnce`, again where a failure may pass. */
  async send(request: RegistryRequest): Promise<Answer> {
    return retrying(() => this.sendOnce(request), this.clock, request.signal)
  }

  /** One answer with an expected status.
   *  @throws {PassingFailure} for what another try may mend
   *  @throws {BuildError} `REGISTRY_UNREACHABLE`, `REGISTRY_DENIED`, `REGISTRY_FAILED`, `IMAGE_NOT_FOUND`, `CREDENTIALS_INVALID`; what the request's
   *  own body threw; `signal.reason` */
  async sendOnce(request: RegistryRequest): Promise<Answer> {
    const url = new URL(request.target, registryOrigin(request.wish.registry))
    const header = this.#authorizer.findHeader(request.wish)
    const first = await this.#exchange(request, url, header)
    if (first.status !== 401 || url.origin !== registryOrigin(request.wish.registry)) return this.#judge(request, first)
    const learned = await this.#connected(request, url, () =>
      this.#authorizer.answer(first, header, request.wish, request.purpose, request.signal),
    )
    if (!learned) return this.#judge(request, first)
    await first.discard()
    return this.#judge(request, await this.#exchange(request, url, this.#authorizer.findHeader(request.wish)))
  }

  /** Follows redirects, which are for downloads. Only the registry itself ever gets the header. */
  async #exchange(request: RegistryRequest, start: URL, authorization: string | undefined): Promise<Answer> {
    const { method, headers, body, signal, purpose, wish } = request
    let url = start
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const isRegistry = url.origin === registryOrigin(wish.registry)
      const sent = { ...headers, ...(authorization !== undefined && isRegistry ? { authorization } : {}) }
      const answer = await this.#connected(request, url, () =>
        this.#transport.exchange({ method, url, headers: sent, body, signal }),
      )
      if (![301, 302, 303, 307, 308].includes(answer.status) || (method !== 'GET' && method !== 'HEAD')) return answer
      await answer.discard()
      const next = findTarget(answer.header('location') ?? '', url)
      if (next === undefined)
        throw registryFailed(purpose, `${url.host} redirects to an address that is not safe to follow`)
      url = next
    }
    throw registryFailed(purpose, `${start.host} redirects more than ${mostRedirects} times`)
  }

  async #judge(request: RegistryRequest, answer: Answer): Promise<Answer> {
    const { status } = answer
    if (request.expect.includes(status)) return answer
    const complaint = await complaintOf(answer, this.#authorizer.secrets)
    const failure = statusError(request.purpose, answer, complaint, await this.#authorizer.isAnonymous(request.wish))
    if (!mayStatusPass(status)) throw failure
    throw new PassingFailure(failure, retryAfterMs(answer.header('retry-after'), this.clock.now()))
  }

  /** Names the failures of a connection; those of our own making stay as they are. */
  async #connected<T>(request: RegistryRequest, url: URL, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.explain(error, request.purpose, url.host, request.signal)
    }
  }

  /** What a failed connection is to be thrown as. */
  explain(error: unknown, purpose: Purpose, host: string, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return signal.reason
    if (error instanceof BuildError || error instanceof PassingFailure) return error
    const failure = connectionError(purpose, host, error)
    return mayConnectionPass(error) ? new PassingFailure(failure) : failure
  }
}

/** Where an upload goes on.
 *  @throws {BuildError} `REGISTRY_FAILED` */
export function locationOf(answer: Answer, purpose: Purpose): URL {
  const location = findTarget(answer.header('location') ?? '', answer.url)
  if (location !== undefined && answer.header('location') !== undefined) return location
  throw registryFailed(purpose, `${shownUrl(answer.url)} names no place to upload to that is safe to use`)
}
