import { Readable } from 'node:stream'
import type * as undici from 'undici'
import { isLoopback } from './loopback.ts'

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RequestBody {
  readonly mediaType: string
  readonly sizeBytes: number
  /** Called once for each attempt. */
  read(): AsyncIterable<Uint8Array>
}

/** One answer, its body not read yet: read it to the end, or discard it, or the connection is lost. */
export interface Answer {
  readonly status: number
  readonly url: URL
  /** The first value of a header; the name in lower case. */
  header(name: string): string | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** At most so many bytes; `undefined` where there are more. */
  readAtMost(sizeBytes: number): Promise<Buffer | undefined>
  discard(): Promise<void>
}

/** As the environment has them: `HTTP_PROXY` and the like. Never used for this machine itself. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined
  readonly httpsProxy?: string | undefined
  /** Hosts that are spoken to directly, separated by commas. */
  readonly noProxy?: string | undefined
}

/** Single HTTP exchanges over kept connections. Follows no redirect, and takes any status for an answer. */
export interface Transport extends AsyncDisposable {
  /** @throws what the connection failed with, or `signal.reason` */
  exchange(exchange: Exchange): Promise<Answer>
}

export function openTransport(proxies: ProxySettings = {}): Transport {
  return new UndiciTransport(proxies)
}

const connectTimeoutMs = 15_000
/** How long nothing at all may happen: no byte sent, none received. */
const idleTimeoutMs = 120_000

class UndiciTransport implements Transport {
  readonly #proxies: ProxySettings
  #loaded: Promise<Loaded> | undefined

  constructor(proxies: ProxySettings) {
    this.#proxies = proxies
  }

  async exchange({ method, url, headers, body, signal }: Exchange): Promise<Answer> {
    signal?.throwIfAborted()
    this.#loaded ??= load(this.#proxies) // 60 ms, which a build without registries does not pay
    const { request, direct, proxied } = await this.#loaded
    const watchdog = new Watchdog(signal)
    try {
      const answer = await request(url, {
        method,
        headers: {
          'accept-encoding': 'identity',
          ...headers,
          ...(body === undefined ? {} : { 'content-type': body.mediaType, 'content-length': String(body.sizeBytes) }),
        },
        body: body === undefined ? null : Readable.from(watchdog.watch(body.read()), { objectMode: false }),
        dispatcher: isLoopback(url.host) ? direct : proxied,
        signal: watchdog.signal,
        headersTimeout: 0, // counts from the start of a long upload: the watchdog does better
        bodyTimeout: idleTimeoutMs,
      })
      return new UndiciAnswer(url, answer, watchdog)
    } catch (error) {
      watchdog.stop()
      signal?.throwIfAborted()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#loaded === undefined) return
    const { direct, proxied } = await this.#loaded
    await direct.destroy()
    if (proxied !== direct) await proxied.destroy()
  }
}

interface Loaded {
  readonly request: typeof undici.request
  readonly direct: undici.Dispatcher
  readonly proxied: undici.Dispatcher
}

async function load({ httpProxy, httpsProxy, noProxy }: ProxySettings): Promise<Loaded> {
  const { Agent, EnvHttpProxyAgent, request } = await import('undici')
  const options = { connect: { timeout: connectTimeoutMs }, maxHeaderSize: 64 * 1024 }
  const direct = new Agent(options)
  if (!httpProxy && !httpsProxy) return { request, direct, proxied: direct }
  // What is left out here it would take from the environment itself.
  const settings = { httpProxy: httpProxy ?? '', httpsProxy: httpsProxy ?? '', noProxy: noProxy ?? '' }
  return { request, direct, proxied: new EnvHttpProxyAgent({ ...options, ...settings }) }
}

class UndiciAnswer implements Answer {
  readonly status: number
  readonly url: URL
  readonly body: AsyncIterable<Uint8Array>
  readonly #answer: undici.Dispatcher.ResponseData
  readonly #watchdog: Watchdog

  constructor(url: URL, answer: undici.Dispatcher.ResponseData, watchdog: Watchdog) {
    this.url = url
    this.status = answer.statusCode
    this.body = watchdog.watch(answer.body as AsyncIterable<Uint8Array>)
    this.#answer = answer
    this.#watchdog = watchdog
    answer.body.once('close', () => watchdog.stop())
  }

  header(name: string): string | undefined {
    const value = this.#answer.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }

  async readAtMost(sizeBytes: number): Promise<Buffer | undefined> {
    if (Number(this.header('content-length') ?? 0) > sizeBytes) {
      await this.discard()
      return undefined
    }
    let received = 0
    const chunks: Uint8Array[] = []
    for await (const chunk of this.body) {
      received += chunk.byteLength
      if (received > sizeBytes) return undefined // leaving the loop closes the connection
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  /** Reads a little, so that the connection can be used again; closes it where there is more. */
  async discard(): Promise<void> {
    try {
      await this.#answer.body.dump({ limit: 64 * 1024 })
    } catch {
      // The answer is not wanted any more, nor is what became of it.
    } finally {
      this.#watchdog.stop()
    }
  }
}

/** Gives up on a connection on which nothing happens. */
class Watchdog {
  readonly signal: AbortSignal
  readonly #idle = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal === undefined ? this.#idle.signal : AbortSignal.any([signal, this.#idle.signal])
    this.#timer = setTimeout(() => this.#idle.abort(new IdleError()), idleTimeoutMs).unref()
  }

  async *watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#timer.refresh()
      yield chunk
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

class IdleError extends Error {
  readonly code = 'ETIMEDOUT'

  constructor() {
    super(`nothing was heard for ${idleTimeoutMs / 1000} seconds`)
  }
}
