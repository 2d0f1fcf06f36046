import { closeSync, constants, createReadStream, fstatSync, openSync, writeSync } from 'node:fs'
import type { ByteStream } from '../config/locations.ts'

/** The bytes of a file of the user's, or of a pipe, such as a shell gives for `<(command)`. When the signal comes, nobody waits at the pipe any longer.
 *  @throws `signal.reason` */
export async function* readFileOrPipe(path: string, signal: AbortSignal): ByteStream {
  signal.throwIfAborted()
  const bytes = createReadStream(path)
  const stop = (): void => {
    bytes.destroy() // or it would go on with what comes next
    wakeReaders(path)
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* bytes as ByteStream
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  signal.throwIfAborted()
}

/** Who waits at a pipe does so in a thread that cannot be ended, so that the process could not end either: not before somebody writes. */
function wakeReaders(path: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    try {
      if (fstatSync(fd).isFIFO()) writeSync(fd, '\n')
    } finally {
      closeSync(fd)
    }
  } catch {
    // Nobody waits, or it is no pipe.
  }
}
