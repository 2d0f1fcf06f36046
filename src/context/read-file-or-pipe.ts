import { closeSync, constants, createReadStream, fstatSync, openSync, writeSync } from 'node:fs'
import type { ByteStream } from '../config/locations.ts'

/** The bytes of a file of the user's, or of a pipe, such as a shell gives for `<(command)`. When the signal comes, nobody waits at the pipe any longer. */
export async function* readFileOrPipe(path: string, signal: AbortSignal): ByteStream {
  const wake = (): void => wakeReaders(path)
  signal.addEventListener('abort', wake, { once: true })
  try {
    yield* createReadStream(path) as ByteStream
  } finally {
    signal.removeEventListener('abort', wake)
  }
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
