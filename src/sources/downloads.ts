import type { Download, Downloaded } from '../../cache/http/index.ts'
import type { Store } from '../../cache/store.ts'
import type { Digest } from '../../core/digest.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import type { HttpHandle } from '../http-handle.ts'
import type { Tasks } from '../tasks.ts'
import type { FindSecret } from './secrets.ts'

export interface DownloadsOptions {
  readonly store: Store
  readonly http: HttpHandle
  readonly findSecret: FindSecret
  readonly signal: AbortSignal
  readonly tasks: Tasks
}

/** Files from web servers, each brought into the store once in a build. */
export class Downloads {
  readonly #options: DownloadsOptions
  readonly #downloads = new Map<string, Promise<Downloaded>>()

  constructor(options: DownloadsOptions) {
    this.#options = options
  }

  /** @param expect what the digest must be
   *  @throws {BuildError} as `download()` does */
  fetch(url: string, expect?: Digest): Promise<Downloaded> {
    return this.#fetch({ url, expect, dated: false })
  }

  /** As `fetch()`, for whom it matters when the server says the file was last changed. */
  fetchDated(url: string, expect?: Digest): Promise<Downloaded> {
    return this.#fetch({ url, expect, dated: true })
  }

  #fetch({ url, expect, dated }: Omit<Download, 'authorization'>): Promise<Downloaded> {
    const id = JSON.stringify([url, expect, expect !== undefined && dated])
    const known = this.#downloads.get(id)
    if (known !== undefined) return known
    const { tasks } = this.#options
    const downloading = tasks.run(`[internal] load ${redactCredentials(url)}`, async (report) => {
      const [{ download, systemClock }, transport, authorization] = await Promise.all([
        import('../../cache/http/index.ts'),
        this.#options.http.open(),
        this.#authorizationFor(new URL(url).host),
      ])
      const { store, signal } = this.#options
      const { blobs, facts } = store
      const onProgress = (done: number, total: number | undefined): void => report('', done, total)
      const request = { url, authorization, expect, dated }
      return download(request, { blobs, facts, transport, clock: systemClock, signal, onProgress })
    })
    this.#downloads.set(id, downloading)
    return downloading
  }

  async #authorizationFor(host: string): Promise<string | undefined> {
    const { findSecret } = this.#options
    const header = await findSecret(`HTTP_AUTH_HEADER_${host}`)
    if (header !== undefined) return header
    const token = await findSecret(`HTTP_AUTH_TOKEN_${host}`)
    return token === undefined ? undefined : `Bearer ${token}`
  }
}
