import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lease } from '../cache/leases/index.ts'
import { openFilesOfCaller, startExecutor, type Executor, type IsolationName } from '../executor/index.ts'

/** The executor process of one build: started when it is first needed, ended with the build. */
export class ExecutorHandle implements AsyncDisposable {
  readonly #isolation: 'auto' | IsolationName
  readonly #lease: Lease
  readonly #signal: AbortSignal
  readonly #warn: (message: string) => void
  #executor: Promise<Executor> | undefined
  #sandbox: Promise<void> | undefined
  #hasThreads = false

  constructor(isolation: 'auto' | IsolationName, lease: Lease, signal: AbortSignal, warn: (message: string) => void) {
    this.#isolation = isolation
    this.#lease = lease
    this.#signal = signal
    this.#warn = warn
  }

  /** @throws {BuildError} `EXECUTOR_DIED` when it cannot be started */
  readonly start = (): Promise<Executor> => {
    this.#executor ??= this.#start()
    return this.#executor
  }

  /** @throws {BuildError} `SANDBOX_UNAVAILABLE` */
  readonly prepareSandbox = (): Promise<void> => {
    this.#sandbox ??= this.#openSandbox()
    return this.#sandbox
  }

  /** Begins what a step will need, beside other work. What fails is told to whoever needs it. */
  readonly warmUp = (): void => {
    this.prepareSandbox().catch(() => undefined)
  }

  /** The same for large copies. */
  readonly warmUpCopies = (): void => {
    if (this.#hasThreads) return
    this.#hasThreads = true
    this.start()
      .then((executor) => executor.call('startThreads', undefined))
      .catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const executor = await this.#executor?.catch(() => undefined)
    await executor?.[Symbol.asyncDispose]()
  }

  async #start(): Promise<Executor> {
    const script = fileURLToPath(new URL('./executor.cjs', import.meta.url))
    const { owner, path } = this.#lease
    const executor = await startExecutor({ script, owner, signal: this.#signal })
    // Each build's folder, and each step's in it. A process that dies now is told of by the calls that matter.
    executor.call('scatter', { folders: [dirname(path), path] }).catch(() => undefined)
    return executor
  }

  async #openSandbox(): Promise<void> {
    const [executor, openFiles] = await Promise.all([this.start(), openFilesOfCaller()])
    const { name, fallbackReason } = await executor.call('openSandbox', {
      isolation: this.#isolation,
      openFiles,
      owner: this.#lease.owner,
    })
    if (fallbackReason !== undefined) this.#warn(`Steps run in the ${name} sandbox: ${fallbackReason}`)
  }
}
