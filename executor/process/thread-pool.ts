import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ThreadCallName } from './calls.ts'
import { receiveError } from './sent-error.ts'
import type { ThreadAnswer, ThreadCall } from './thread-server.ts'

/** Threads for work that keeps a processor busy with synchronous calls. A thread is started when there is work for it and kept; one that dies, for
 *  lack of memory perhaps, fails the call that it was at and no other. */
export class ThreadPool {
  readonly #script: URL
  readonly #size: number
  readonly #idle: Worker[] = []
  readonly #waiting: ((worker: Worker) => void)[] = []
  #running = 0

  constructor(script: URL, size = Math.max(2, availableParallelism())) {
    this.#script = script
    this.#size = size
  }

  /** Starts threads before there is work for them. */
  startAll(): void {
    while (this.#running < this.#size) this.#idle.push(this.#start())
  }

  /** @throws what the call throws in its thread. */
  async call(name: ThreadCallName, request: unknown): Promise<unknown> {
    const worker = await this.#take()
    const answer = await askThread(worker, { name, request }).catch(async (error: unknown) => {
      await worker.terminate()
      throw error
    })
    this.#giveBack(worker)
    if (answer.type === 'error') throw receiveError(answer.error)
    return answer.value
  }

  #take(): Promise<Worker> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    if (this.#running < this.#size) return Promise.resolve(this.#start())
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #start(): Worker {
    this.#running++
    const worker = new Worker(this.#script)
    worker.on('error', () => undefined) // askThread() tells whom it concerns
    worker.once('exit', () => this.#bury(worker))
    return worker
  }

  #giveBack(worker: Worker): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(worker)
    else next(worker)
  }

  #bury(worker: Worker): void {
    this.#running--
    if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1)
    this.#waiting.shift()?.(this.#start())
  }
}

/** @throws {Error} when there will be no answer */
function askThread(worker: Worker, call: ThreadCall): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      act()
    }
    const onMessage = (answer: ThreadAnswer): void => settle(() => resolve(answer))
    const onError = (error: Error): void => settle(() => reject(error))
    const onExit = (code: number): void => settle(() => reject(new Error(`a thread ended with status ${code}`)))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage(call)
  })
}
