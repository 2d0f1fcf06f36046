import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ThreadCallName } from './calls.ts'
import { receiveError } from './sent-error.ts'
import type { ThreadAnswer, ThreadCall } from './thread-server.ts'

/** Threads for work that keeps a processor busy with synchronous calls. A thread is started when there is work for it and kept. */
export class ThreadPool {
  readonly #script: URL
  readonly #size = Math.max(2, availableParallelism())
  readonly #idle: Worker[] = []
  readonly #waiting: ((worker: Worker) => void)[] = []
  #started = 0

  constructor(script: URL) {
    this.#script = script
  }

  /** @throws what the call throws in its thread. */
  async call(name: ThreadCallName, request: unknown): Promise<unknown> {
    const worker = await this.#take()
    try {
      return await askThread(worker, { name, request })
    } finally {
      this.#giveBack(worker)
    }
  }

  #take(): Promise<Worker> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    if (this.#started < this.#size) {
      this.#started++
      const worker = new Worker(this.#script)
      worker.setMaxListeners(0)
      return Promise.resolve(worker)
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #giveBack(worker: Worker): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(worker)
    else next(worker)
  }
}

function askThread(worker: Worker, call: ThreadCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      act()
    }
    const onMessage = (answer: ThreadAnswer): void =>
      settle(() => {
        if (answer.type === 'result') resolve(answer.value)
        else reject(receiveError(answer.error))
      })
    const onError = (error: Error): void => settle(() => reject(error))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.postMessage(call)
  })
}
