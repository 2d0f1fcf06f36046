import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { BuildError } from '../../core/errors.ts'
import type { CallName, CallRequest, CallResult, FromExecutor, ToExecutor } from './protocol.ts'
import { receiveError } from './sent-error.ts'

/** The executor process, seen from the front. */
export interface Executor extends AsyncDisposable {
  /** @throws {BuildError} what the call throws; `EXECUTOR_DIED` when the process ended under it; `signal.reason` when aborted, once the work has stopped. */
  call<Name extends CallName>(name: Name, request: CallRequest<Name>, io?: CallIo): Promise<CallResult<Name>>
}

export interface CallIo {
  readonly signal?: AbortSignal | undefined
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined
}

interface Pending {
  readonly settle: (act: () => void) => void
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly io: CallIo
}

export interface ExecutorOptions {
  /** The bundled entry of `executor/process/main.ts`. */
  readonly script: string
  /** The build's lease: control groups of its runs are called after it. */
  readonly owner: string
  readonly signal: AbortSignal
}

/** How the process may be set apart, the strongest first. */
type Launch = 'namespaces' | 'user-namespace' | 'plain'

/** Starts the process, with mounts, processes and, for ordinary users, ids of its own; where the machine allows none of that, without.
 *  @throws {BuildError} `EXECUTOR_DIED` */
export async function startExecutor({ script, owner, signal }: ExecutorOptions): Promise<Executor> {
  const launches: readonly Launch[] = process.getuid?.() === 0 ? ['namespaces', 'plain'] : ['user-namespace', 'plain']
  const failures: string[] = []
  for (const launch of launches) {
    signal.throwIfAborted()
    const started = await tryLaunch(launch, script)
    if (started.kind === 'running') return new ExecutorProcess(started.child, owner)
    failures.push(started.reason)
  }
  throw new BuildError('EXECUTOR_DIED', `Cannot start the process that carries out steps: ${failures.join('; ')}`)
}

type LaunchResult =
  { readonly kind: 'running'; readonly child: ChildProcess } | { readonly kind: 'failed'; readonly reason: string }

async function tryLaunch(launch: Launch, script: string): Promise<LaunchResult> {
  const [command = '', ...args] = commandOf(launch, script)
  // A group of its own: Ctrl-C is for the front, which ends its work in order.
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    detached: true,
  })
  let complaints = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaints.length < 4096) complaints += chunk.toString()
  })
  const ended = new Promise<LaunchResult>((resolve) => {
    child.once('error', (error) => resolve({ kind: 'failed', reason: error.message }))
    child.once('exit', (code) =>
      resolve({ kind: 'failed', reason: complaints.trim() || `${command} ended with status ${code}` }),
    )
  })
  const ready = once(child, 'message').then((): LaunchResult => ({ kind: 'running', child }))
  ready.catch(() => undefined) // `error` ends `once()` too, and is what `ended` tells
  return Promise.race([ready, ended])
}

function commandOf(launch: Launch, script: string): readonly string[] {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script]
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
  switch (launch) {
    case 'namespaces':
      return ['unshare', ...apart, '--', ...node]
    case 'user-namespace':
      return ['unshare', '--user', '--map-root-user', '--map-auto', '--setgroups', 'allow', ...apart, '--', ...node]
    case 'plain':
      return node
    default:
      return launch satisfies never
  }
}

class ExecutorProcess implements Executor {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  readonly #owner: string
  #lastId = 0
  #closing = false

  constructor(child: ChildProcess, owner: string) {
    this.#child = child
    this.#owner = owner
    child.on('message', (message: FromExecutor) => this.#receive(message))
    child.once('exit', (code, signal) => this.#failAll(`it ended with ${signal ?? `status ${code}`}`))
    child.on('error', (error) => this.#failAll(error.message))
  }

  call<Name extends CallName>(name: Name, request: CallRequest<Name>, io: CallIo = {}): Promise<CallResult<Name>> {
    const { signal } = io
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      // A process is ended and waited for; other work ends with this process, which is soon.
      const onAbort = (): void => {
        if (name === 'run') this.#send({ type: 'cancel', id })
        else settle(() => reject(signal?.reason as Error))
      }
      const settle = (act: () => void): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#pending.delete(id)
        act()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#pending.set(id, { settle, resolve: resolve as (value: unknown) => void, reject, io })
      this.#send({ type: 'call', id, name, request })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#removeCgroups()
    const gone = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    await gone
  }

  /** What a process that was killed could not take away itself. */
  async #removeCgroups(): Promise<void> {
    const { removeLeftoverCgroups } = await import('../sandbox/oci/cgroups.ts')
    removeLeftoverCgroups(`${this.#owner}~`)
  }

  #send(message: ToExecutor): void {
    if (this.#child.connected) this.#child.send(message)
    else this.#failAll('it is gone')
  }

  #receive(message: FromExecutor): void {
    if (message.type === 'ready') return
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    const { settle, resolve, reject, io } = pending
    switch (message.type) {
      case 'output':
        io.onOutput?.(message.stream, message.chunk)
        return
      case 'result':
        settle(() => resolve(message.value))
        return
      case 'error':
        settle(() => reject(io.signal?.aborted === true ? (io.signal.reason as Error) : receiveError(message.error)))
        return
      default:
        message satisfies never
    }
  }

  #failAll(how: string): void {
    const error = new BuildError('EXECUTOR_DIED', `The process that carries out steps is gone: ${how}`, {
      hint: 'Was it killed, perhaps for lack of memory? What was finished is kept: build again to go on from there.',
    })
    if (this.#closing) return
    for (const { settle, reject, io } of [...this.#pending.values()]) {
      settle(() => reject(io.signal?.aborted === true ? (io.signal.reason as Error) : error))
    }
  }
}
