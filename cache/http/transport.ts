import { Readable } from 'node:stream'
import type { Client, ClientAnswer } from './client.ts'
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
  return new ClientTransport(proxies)
}

/** How long nothing at all may happen: no byte sent, none received. */
const idleTimeoutMs = 120_000
/** So much of a body is read on while what came before is sent. */
const readAheadBytes = 1024 * 1024
/** More than is wanted of no answer's body, and not worth a new connection. */
const discardedBytes = 64 * 1024

class ClientTransport implements Transport {
  readonly #proxies: ProxySettings
  #direct: Promise<Client> | undefined
  #proxied: Promise<Client> | undefined

  constructor(proxies: ProxySettings) {
    this.#proxies = proxies
  }

  async exchange({ method, url, headers, body, signal }: Exchange): Promise<Answer> {
    signal?.throwIfAborted()
    const client = await this.#clientFor(url)
    const watchdog = new Watchdog(signal)
    try {
      const answer = await client.send({
        method,
        url,
        headers: {
          'accept-encoding': 'identity',
          ...headers,
          ...(body === undefined ? {} : { 'content-type': body.mediaType, 'content-length': String(body.sizeBytes) }),
        },
        body: body && Readable.from(watchdog.watch(body.read()), { objectMode: false, highWaterMark: readAheadBytes }),
        signal: watchdog.signal,
      })
      return new ReadableAnswer(url, answer, watchdog)
    } catch (error) {
      watchdog.stop()
      watchdog.signal.throwIfAborted()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.#direct, this.#proxied]) await (await client)?.[Symbol.asyncDispose]()
  }

  /** Each is loaded when it is needed: undici takes 60 ms, a third of a small build. */
  #clientFor({ host }: URL): Promise<Client> {
    const { httpProxy, httpsProxy } = this.#proxies
    if (isLoopback(host) || (!httpProxy && !httpsProxy)) {
      this.#direct ??= import('./direct-client.ts').then(({ DirectClient }) => new DirectClient())
      return this.#direct
    }
    this.#proxied ??= import('./proxy-client.ts').then(({ ProxyClient }) => new ProxyClient(this.#proxies))
    return this.#proxied
  }
}

class ReadableAnswer implements Answer {
  readonly status: number
  readonly url: URL
  readonly body: AsyncIterable<Uint8Array>
  readonly #answer: ClientAnswer
  readonly #watchdog: Watchdog

  constructor(url: URL, answer: ClientAnswer, watchdog: Watchdog) {
    this.url = url
    this.status = answer.status
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
    let read = 0
    try {
      for await (const chunk of this.#answer.body as AsyncIterable<Uint8Array>) {
        read += chunk.byteLength
        if (read > discardedBytes) break
      }
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
    try {
      for await (const chunk of chunks) {
        this.#timer.refresh()
        yield chunk
      }
    } catch (error) {
      this.signal.throwIfAborted() // which the connection has words of its own for
      throw error
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
