import { fileURLToPath } from 'node:url'
import { openFilesOfCaller, startExecutor, type Executor, type IsolationName } from '../executor/index.ts'

/** The executor process of one build: started when it is first needed, ended with the build. */
export class ExecutorHandle implements AsyncDisposable {
  readonly #isolation: 'auto' | IsolationName
  readonly #owner: string
  readonly #signal: AbortSignal
  readonly #warn: (message: string) => void
  #executor: Promise<Executor> | undefined
  #sandbox: Promise<void> | undefined

  constructor(isolation: 'auto' | IsolationName, owner: string, signal: AbortSignal, warn: (message: string) => void) {
    this.#isolation = isolation
    this.#owner = owner
    this.#signal = signal
    this.#warn = warn
  }

  /** @throws {BuildError} `EXECUTOR_DIED` when it cannot be started */
  readonly start = (): Promise<Executor> => {
    const script = fileURLToPath(new URL('./executor.cjs', import.meta.url))
    this.#executor ??= startExecutor({ script, owner: this.#owner, signal: this.#signal })
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

  async [Symbol.asyncDispose](): Promise<void> {
    const executor = await this.#executor?.catch(() => undefined)
    await executor?.[Symbol.asyncDispose]()
  }

  async #openSandbox(): Promise<void> {
    const [executor, openFiles] = await Promise.all([this.start(), openFilesOfCaller()])
    const { name, fallbackReason } = await executor.call('openSandbox', {
      isolation: this.#isolation,
      openFiles,
      owner: this.#owner,
    })
    if (fallbackReason !== undefined) this.#warn(`Steps run in the ${name} sandbox: ${fallbackReason}`)
  }
}
