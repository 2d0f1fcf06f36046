import { Decompress } from 'fzstd'
import { archiveInvalid } from './archive-invalid.ts'

/** Four bytes of input can stand for 128 KiB of output, and a push gives all of its output at once. */
const pushedBytes = 2048

/** @throws {BuildError} `ARCHIVE_INVALID` */
export async function* unzstdInProcess(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const output: Uint8Array[] = []
  const machine = new Decompress((chunk) => output.push(chunk))
  const push = (chunk: Uint8Array, last: boolean) => {
    try {
      machine.push(chunk, last)
    } catch (error) {
      throw archiveInvalid(error instanceof Error ? error.message : '', error)
    }
  }
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += pushedBytes) {
      push(chunk.subarray(at, at + pushedBytes), false)
      yield* output.splice(0)
    }
  }
  push(new Uint8Array(0), true)
  yield* output.splice(0)
}
