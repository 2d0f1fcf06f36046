import type { ByteStream } from '../config/locations.ts'

/** The bytes, until the signal: nobody is waited for who may never send the next ones.
 *  @throws `signal.reason` */
export async function* stoppable(bytes: ByteStream, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const iterator = bytes[Symbol.asyncIterator]()
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  stopped.catch(() => undefined) // whoever waits for the next bytes is told
  for (let next = await Promise.race([iterator.next(), stopped]); next.done !== true;) {
    yield next.value
    next = await Promise.race([iterator.next(), stopped])
  }
}
