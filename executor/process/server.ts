import { setTimeout as sleep } from 'node:timers/promises'
import { ExecutorService } from './service.ts'
import type { FromExecutor, ToExecutor } from './protocol.ts'
import { sendError } from './sent-error.ts'

/** How long runs may take to end when nobody waits for them any more. */
const lastMs = 2000

/** Answers the front until it goes away. With the front gone nothing is worth finishing: runs are ended, so that their control groups can go, and then
 *  this process, and with it, as the first of its process namespace, everything that it started; its mounts end with its mount namespace. */
export function serveFront(): void {
  const service = new ExecutorService()
  const running = new Map<number, Running>()
  let isExpected = false
  process.on('disconnect', () => {
    for (const { controller } of running.values()) controller.abort(new Error('the front is gone'))
    void Promise.race([Promise.all([...running.values()].map(({ done }) => done)), sleep(lastMs)]).then(() => {
      if (!isExpected) service.leaveGuard()
      process.exit(0)
    })
  })
  process.on('message', (message: ToExecutor) => {
    if (message.type === 'end') {
      isExpected = true
      return
    }
    if (message.type === 'cancel') {
      running.get(message.id)?.controller.abort(new Error('canceled'))
      return
    }
    const { id } = message
    const controller = new AbortController()
    const done = answer(service, message, controller.signal).finally(() => running.delete(id))
    if (message.name === 'run') running.set(id, { controller, done })
  })
  send({ type: 'ready' })
}

/** Processes that are waited for: other work ends with this process. */
interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
}

async function answer(
  service: ExecutorService,
  { id, name, request }: Extract<ToExecutor, { type: 'call' }>,
  signal: AbortSignal,
): Promise<void> {
  const output = new OutputBatch(id)
  const onOutput = (stream: 'stdout' | 'stderr', chunk: Uint8Array): void => output.add(stream, chunk)
  try {
    const value = await service.call(name, request, { signal, onOutput })
    output.flush()
    send({ type: 'result', id, value })
  } catch (error) {
    output.flush()
    send({ type: 'error', id, error: sendError(error) })
  }
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
