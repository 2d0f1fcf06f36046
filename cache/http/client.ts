import type { Readable } from 'node:stream'
import type { Exchange } from './transport.ts'

/** What connections are had from. */
export interface Client extends AsyncDisposable {
  /** @throws what the connection or the body failed with, or an `AbortError` */
  send(request: ClientRequest): Promise<ClientAnswer>
}

export interface ClientRequest {
  readonly method: Exchange['method']
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable | undefined
  readonly signal: AbortSignal
}

export interface ClientAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Breaks the connection off when it is destroyed before its end. */
  readonly body: Readable
}

export const connectTimeoutMs = 15_000
export const largestHeadersBytes = 64 * 1024
