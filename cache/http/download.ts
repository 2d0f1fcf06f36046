import { digestOf, type Digest } from '../../core/digest.ts'
import { BuildError, type ErrorCode } from '../../core/errors.ts'
import { splitCredentials } from '../../core/url-credentials.ts'
import type { BlobFiles } from '../blobs/index.ts'
import type { FactStore } from '../facts/index.ts'
import type { Clock } from './clock.ts'
import { connectionReason, mayConnectionPass, mayStatusPass } from './connection-failure.ts'
import { PassingFailure, retryAfterMs, retrying } from './retry.ts'
import type { Answer, Transport } from './transport.ts'

export interface Download {
  /** May hold credentials, which are used for its own host alone. */
  readonly url: string
  /** Value of the Authorization header; goes before credentials of the URL. */
  readonly authorization: string | undefined
  /** What the content must be: then a blob of that digest is not asked for again. */
  readonly expect: Digest | undefined
  /** Ask the server after all when it has not said yet when the file was last changed. */
  readonly dated: boolean
}

export interface Downloaded {
  readonly digest: Digest
  readonly sizeBytes: number
  /** When the server says the file was last changed, in seconds since 1970. `undefined`: it does not say. */
  readonly mtimeSeconds: number | undefined
}

export interface DownloadServices {
  readonly blobs: BlobFiles
  readonly facts: FactStore
  readonly transport: Transport
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Bytes so far, and how many there are, as far as the server says. */
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void
}

/** What the server said when it last sent the file. */
interface Remembered {
  readonly digest: Digest
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

const kind = 'download'
const mostRedirects = 10
const tellEveryBytes = 4 * 1024 * 1024

/** Brings the file into the blob store. One that was downloaded before is asked for on condition that it has changed: unchanged, it is not sent again.
 *  @throws {BuildError} `SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_FAILED`, `CHECKSUM_MISMATCH`, `DISK_FULL`; `signal.reason` */
export async function download(request: Download, services: DownloadServices): Promise<Downloaded> {
  return new Downloading(request, services).run()
}

class Downloading {
  readonly #request: Download
  readonly #services: DownloadServices
  readonly #start: URL
  readonly #authorization: string | undefined
  /** The address for people. */
  readonly #shown: string

  constructor(request: Download, services: DownloadServices) {
    const { url, credentials } = splitCredentials(new URL(request.url))
    url.hash = ''
    this.#request = request
    this.#services = services
    this.#start = url
    this.#shown = url.href
    const own = credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
    this.#authorization = request.authorization ?? own
  }

  async run(): Promise<Downloaded> {
    const { expect, dated } = this.#request
    const known = await this.#findKnown()
    if (expect !== undefined) {
      const stored = await this.#services.blobs.stat(expect)
      const said = known?.digest === expect ? known : undefined
      if (stored !== undefined && (said !== undefined || !dated))
        return { ...stored, mtimeSeconds: secondsOf(said?.lastModified) }
    }
    const { clock, signal } = this.#services
    return retrying(() => this.#attempt(known), clock, signal)
  }

  async #findKnown(): Promise<Remembered | undefined> {
    const { facts, blobs } = this.#services
    const known = facts.find(kind, digestOf(this.#shown)) as Remembered | undefined
    return known !== undefined && (await blobs.stat(known.digest)) !== undefined ? known : undefined
  }

  async #attempt(known: Remembered | undefined): Promise<Downloaded> {
    const answer = await this.#follow(conditions(known))
    if (answer.status === 304 && known !== undefined) {
      await answer.discard()
      const stored = await this.#services.blobs.stat(known.digest)
      return { digest: known.digest, sizeBytes: stored?.sizeBytes ?? 0, mtimeSeconds: secondsOf(known.lastModified) }
    }
    if (answer.status !== 200) throw await this.#refusal(answer)
    const { digest, sizeBytes } = await this.#store(answer)
    const lastModified = answer.header('last-modified')
    const remembered: Remembered = { digest, etag: answer.header('etag'), lastModified }
    this.#services.facts.put(kind, digestOf(this.#shown), remembered)
    return { digest, sizeBytes, mtimeSeconds: secondsOf(lastModified) }
  }

  async #store(answer: Answer) {
    const { blobs, signal } = this.#services
    const { expect } = this.#request
    try {
      return await blobs.put(this.#counted(answer), { expect, signal })
    } catch (error) {
      if (signal.aborted || !(error instanceof BuildError)) throw this.#broken(error)
      if (error.code !== 'DIGEST_MISMATCH') throw error
      throw new BuildError('CHECKSUM_MISMATCH', `Cannot use ${this.#shown}: ${error.message}`, {
        hint: 'The file is another than the checksum was made of: check both.',
        cause: error,
      })
    }
  }

  async *#counted(answer: Answer): AsyncGenerator<Uint8Array> {
    const total = Number(answer.header('content-length') ?? NaN)
    let done = 0
    let told = 0
    for await (const chunk of answer.body) {
      done += chunk.length
      if (done - told >= tellEveryBytes) {
        told = done
        this.#services.onProgress?.(done, Number.isNaN(total) ? undefined : total)
      }
      yield chunk
    }
  }

  /** Only the host that was named gets the header, and over TLS only over TLS. */
  async #follow(headers: Readonly<Record<string, string>>): Promise<Answer> {
    const { transport, signal } = this.#services
    let url = this.#start
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const authorization = url.origin === this.#start.origin ? this.#authorization : undefined
      const sent = { 'user-agent': 'stave', ...headers, ...(authorization === undefined ? {} : { authorization }) }
      const exchange = { method: 'GET', url, headers: sent, signal } as const
      const answer = await transport.exchange(exchange).catch((error: unknown) => {
        throw this.#broken(error)
      })
      if (![301, 302, 303, 307, 308].includes(answer.status)) return answer
      await answer.discard()
      url = this.#targetOf(answer.header('location'), url)
    }
    throw this.#failed('SOURCE_FAILED', `it redirects more than ${mostRedirects} times`)
  }

  #targetOf(location: string | undefined, from: URL): URL {
    const target = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined
    if (target === undefined || !/^https?:$/.test(target.protocol)) {
      throw this.#failed('SOURCE_FAILED', `${from.host} redirects to what is no address of the web`)
    }
    if (from.protocol === 'https:' && target.protocol === 'http:') {
      throw this.#failed('SOURCE_FAILED', `${from.host} redirects from HTTPS to plain HTTP at ${target.host}`)
    }
    return splitCredentials(target).url
  }

  async #refusal(answer: Answer): Promise<unknown> {
    await answer.discard()
    const failure = this.#failed(...meaningOf(answer.status, this.#start.host, this.#authorization !== undefined))
    if (!mayStatusPass(answer.status)) return failure
    return new PassingFailure(failure, retryAfterMs(answer.header('retry-after'), this.#services.clock.now()))
  }

  /** What a connection that failed is to be thrown as. */
  #broken(error: unknown): unknown {
    const { signal } = this.#services
    if (signal.aborted) return signal.reason
    if (!mayConnectionPass(error) && error instanceof BuildError) return error
    const reason = connectionReason(error)
    const failure = new BuildError('SOURCE_UNREACHABLE', `Cannot download ${this.#shown}: ${reason}`, {
      hint: reason.includes('certificate')
        ? 'Name the file of the authority that has signed it in NODE_EXTRA_CA_CERTS.'
        : 'Check the address, the network and the proxy settings.',
      cause: error,
    })
    return mayConnectionPass(error) ? new PassingFailure(failure) : failure
  }

  #failed(code: ErrorCode, why: string, hint?: string): BuildError {
    return new BuildError(code, `Cannot download ${this.#shown}: ${why}`, { hint })
  }
}

function conditions(known: Remembered | undefined): Readonly<Record<string, string>> {
  if (known?.etag !== undefined) return { 'if-none-match': known.etag }
  return known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }
}

function meaningOf(status: number, host: string, authorized: boolean): [code: ErrorCode, why: string, hint?: string] {
  const why = `${host} answered ${status}`
  if (status === 404 || status === 410) return ['SOURCE_NOT_FOUND', why, 'Check the address.']
  if (status !== 401 && status !== 403) return ['SOURCE_FAILED', why]
  if (authorized) return ['SOURCE_DENIED', why, 'The credentials that were given do not allow this.']
  return ['SOURCE_DENIED', why, `Give credentials as the secret HTTP_AUTH_TOKEN_${host} or HTTP_AUTH_HEADER_${host}.`]
}

/** A time before 1970 is the beginning of 1970. */
function secondsOf(lastModified: string | undefined): number | undefined {
  const time = Date.parse(lastModified ?? '')
  return Number.isNaN(time) ? undefined : Math.max(0, Math.trunc(time / 1000))
}
