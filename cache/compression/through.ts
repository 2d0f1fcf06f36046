import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** A decompressor: what is written into one end comes out of the other. Both may be one stream. */
export interface Machine {
  readonly input: Writable
  readonly output: Readable
}

/** What `output` gives for what `source` gives. An error of the source comes through as it is. The source is read to its end even where the
 *  machine has stopped listening, so that whatever verifies it comes to its verdict; breaking off closes it. */
export async function* through(
  source: AsyncIterable<Uint8Array>,
  { input, output }: Machine,
): AsyncGenerator<Uint8Array> {
  const state: FeedState = { phase: 'working' }
  const feeding = feed(source, input, state)
  feeding.catch((error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    for await (const chunk of output as AsyncIterable<Buffer>) yield chunk
    state.phase = 'draining'
  } finally {
    if (state.phase === 'working') state.phase = 'stopped'
    input.destroy()
    output.destroy()
    const fed = feeding.catch(() => undefined) // its error has come through `output`
    if (state.phase === 'stopped') await fed
  }
  await feeding
}

interface FeedState {
  phase: 'working' | 'draining' | 'stopped'
}

async function feed(source: AsyncIterable<Uint8Array>, input: Writable, state: FeedState): Promise<void> {
  input.on('error', () => undefined) // it also fails `output`, or the machine's exit code tells
  for await (const chunk of source) {
    if (state.phase === 'stopped') return
    if (state.phase === 'draining' || input.destroyed) continue
    if (!input.write(chunk)) await roomIn(input)
  }
  if (!input.destroyed) input.end()
}

async function roomIn(input: Writable): Promise<void> {
  const done = new AbortController()
  const { signal } = done
  try {
    await Promise.race([once(input, 'drain', { signal }), once(input, 'close', { signal })])
  } catch {
    // The stream failed: there is no need for room any more.
  } finally {
    done.abort()
  }
}
