import type { BuildError } from '../../core/errors.ts'
import type { Clock } from './clock.ts'

/** A failure that may pass. */
export class PassingFailure extends Error {
  /** What to throw when it does not pass. */
  readonly failure: BuildError
  /** How long the server asks us to wait. */
  readonly waitMs: number | undefined

  constructor(failure: BuildError, waitMs?: number) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.waitMs = waitMs
  }
}

const pausesMs = [1000, 2000, 4000, 8000]
/** A server that asks for more is not waited for: the user knows better what to do with an hour. */
const longestWaitMs = 60_000

/** Does the work again as long as its failure may pass: up to four times, after 1, 2, 4 and 8 seconds or when the server says.
 *  @throws the failure that did not pass; any other as it is; `signal.reason` */
export async function retrying<T>(work: () => Promise<T>, clock: Clock, signal: AbortSignal | undefined): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof PassingFailure)) throw error
      if (error.waitMs !== undefined && error.waitMs > longestWaitMs) throw error.failure
      await clock.sleep(Math.max(pauseMs, error.waitMs ?? 0), signal)
    }
  }
  try {
    return await work()
  } catch (error) {
    throw error instanceof PassingFailure ? error.failure : error
  }
}

/** @returns milliseconds; `undefined` where the header says nothing of use
 *  @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(date - nowMs, 0)
}
