import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Registry } from '../../cache/registry/index.ts'
import { proxySettings } from '../proxy-settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The registries of one build: loaded and connected to when the first is asked. */
export class RegistryHandle implements AsyncDisposable {
  readonly #env: Environment
  #registry: Promise<Registry> | undefined

  constructor(env: Environment) {
    this.#env = env
  }

  readonly open = (): Promise<Registry> => {
    this.#registry ??= this.#load()
    return this.#registry
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const registry = await this.#registry?.catch(() => undefined) // whoever asked for it was told
    await registry?.[Symbol.asyncDispose]()
  }

  async #load(): Promise<Registry> {
    const { dockerCredentials, openRegistry } = await import('../../cache/registry/index.ts')
    const env = this.#env
    return openRegistry({
      credentials: dockerCredentials(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker')),
      proxies: proxySettings(env),
    })
  }
}
