import { EnvHttpProxyAgent, request } from 'undici'
import { connectTimeoutMs, largestHeadersBytes, type Client, type ClientAnswer, type ClientRequest } from './client.ts'
import type { ProxySettings } from './transport.ts'

/** Speaks to servers through proxies, or directly where the settings say so. */
export class ProxyClient implements Client {
  readonly #agent: EnvHttpProxyAgent

  constructor({ httpProxy = '', httpsProxy = '', noProxy = '' }: ProxySettings) {
    // What is left out here it would take from the environment itself.
    const settings = { httpProxy, httpsProxy, noProxy }
    this.#agent = new EnvHttpProxyAgent({
      ...settings,
      connect: { timeout: connectTimeoutMs },
      maxHeaderSize: largestHeadersBytes,
    })
  }

  async send({ method, url, headers, body, signal }: ClientRequest): Promise<ClientAnswer> {
    const answer = await request(url, {
      method,
      headers,
      body: body ?? null,
      signal,
      dispatcher: this.#agent,
      // The watchdog does better than these: they count from the start of a long upload, or while nobody reads.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    return { status: answer.statusCode, headers: answer.headers, body: answer.body }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}
