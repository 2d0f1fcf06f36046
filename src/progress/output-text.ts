import { StringDecoder } from 'node:string_decoder'
import type { BuildEvent } from '../../core/events.ts'

type Output = Extract<BuildEvent, { type: 'vertex-output' }>

/** What steps print, as text. A character may come in two chunks, and a step has two streams. */
export class OutputText {
  readonly #decoders = new Map<string, StringDecoder>()

  decode({ vertex, stream, chunk }: Output): string {
    const id = `${vertex} ${stream}`
    const decoder = this.#decoders.get(id) ?? new StringDecoder('utf8')
    this.#decoders.set(id, decoder)
    return decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
}
