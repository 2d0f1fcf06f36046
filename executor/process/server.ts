import { ExecutorService } from './service.ts'
import type { FromExecutor, ToExecutor } from './protocol.ts'
import { sendError } from './sent-error.ts'

/** Answers the front until it goes away. With the front gone nothing is worth finishing: this process ends at once, and with it, as the first of its
 *  process namespace, everything that it started; its mounts end with its mount namespace. */
export function serveFront(): void {
  const service = new ExecutorService()
  const running = new Map<number, AbortController>()
  process.on('disconnect', () => {
    service.removeCgroups()
    process.exit(0)
  })
  process.on('message', (message: ToExecutor) => {
    if (message.type === 'cancel') {
      running.get(message.id)?.abort(new Error('canceled'))
      return
    }
    const { id, name, request } = message
    const controller = new AbortController()
    running.set(id, controller)
    const output = new OutputBatch(id)
    const io = {
      signal: controller.signal,
      onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => output.add(stream, chunk),
    }
    service
      .call(name, request, io)
      .then(
        (value): FromExecutor => ({ type: 'result', id, value }),
        (error: unknown): FromExecutor => ({ type: 'error', id, error: sendError(error) }),
      )
      .then((answer) => {
        output.flush()
        running.delete(id)
        send(answer)
      })
      .catch((error: unknown) => {
        throw error
      })
  })
  send({ type: 'ready' })
}

function send(message: FromExecutor): void {
  if (process.connected) process.send?.(message)
}

/** Gathers what a process prints in small pieces, for a moment too short to be noticed: a message for each write would cost more than the write. */
class OutputBatch {
  readonly #id: number
  #stream: 'stdout' | 'stderr' = 'stdout'
  #chunks: Uint8Array[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(id: number) {
    this.#id = id
  }

  add(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    if (stream !== this.#stream) this.flush()
    this.#stream = stream
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= 64 * 1024) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), 10)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#bytes === 0) return
    send({ type: 'output', id: this.#id, stream: this.#stream, chunk: Buffer.concat(this.#chunks) })
    this.#chunks = []
    this.#bytes = 0
  }
}
