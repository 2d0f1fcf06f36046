import type { Transport } from '../cache/http/index.ts'
import { proxySettings } from './proxy-settings.ts'

/** The connections of one build to web servers: loaded when the first is needed. */
export class HttpHandle implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string | undefined>>
  #transport: Promise<Transport> | undefined

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env
  }

  readonly open = (): Promise<Transport> => {
    this.#transport ??= this.#load()
    return this.#transport
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const transport = await this.#transport
    await transport?.[Symbol.asyncDispose]()
  }

  async #load(): Promise<Transport> {
    const { openTransport } = await import('../cache/http/index.ts')
    return openTransport(proxySettings(this.#env))
  }
}
