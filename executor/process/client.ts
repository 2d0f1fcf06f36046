import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from '../../core/errors.ts'
import type { CallName, CallRequest, CallResult, FromExecutor, RunCall, ToExecutor } from './protocol.ts'
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
type Launch = 'namespaces' | 'user-namespace' | 'single-id' | 'plain'

const launchesOfRoot: readonly Launch[] = ['namespaces', 'plain']
/** A user without subordinate ids is alone in a user namespace, which does for images whose files are all root's. */
const launchesOfOthers: readonly Launch[] = ['user-namespace', 'single-id', 'plain']

/** Starts the process, with mounts, processes and, for ordinary users, ids of its own; where the machine allows none of that, without.
 *  @throws {BuildError} `EXECUTOR_DIED`; `signal.reason` when aborted, and then no process is left */
export async function startExecutor({ script, owner, signal }: ExecutorOptions): Promise<Executor> {
  const failures: string[] = []
  for (const launch of process.getuid?.() === 0 ? launchesOfRoot : launchesOfOthers) {
    signal.throwIfAborted()
    const started = await tryLaunch(launch, script, signal)
    if (started.kind === 'running') return new ExecutorProcess(started.child, started.complaints, owner)
    failures.push(started.reason)
    if (started.kind === 'killed') break
  }
  throw new BuildError('EXECUTOR_DIED', `Cannot start the process that carries out steps: ${failures.join('; ')}`)
}

type LaunchResult =
  | { readonly kind: 'running'; readonly child: ChildProcess; readonly complaints: Complaints }
  /** It cannot work here. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Somebody ended it: that says nothing about what works here. */
  | { readonly kind: 'killed'; readonly reason: string }

/** The end of what a process wrote to its standard error. */
class Complaints {
  readonly #closed: Promise<unknown>
  #text = ''

  constructor({ stderr }: ChildProcess) {
    stderr?.setEncoding('utf8').on('data', (text: string) => (this.#text = (this.#text + text).slice(-4096)))
    this.#closed = stderr === null ? Promise.resolve() : new Promise((resolve) => stderr.once('close', resolve))
  }

  get text(): string {
    return this.#text.trim()
  }

  /** When the process has ended, what it said last may still be on its way. A process that it has left behind may keep the way open. */
  async last(): Promise<string> {
    await Promise.race([this.#closed, sleep(500, undefined, { ref: false })])
    return this.text
  }
}

async function tryLaunch(launch: Launch, script: string, signal: AbortSignal): Promise<LaunchResult> {
  const [command = '', ...args] = commandOf(launch, script)
  // A group of its own: Ctrl-C is for the front, which ends its work in order.
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    detached: true,
    env: environment(),
  })
  const complaints = new Complaints(child)
  const ended = new Promise<LaunchResult>((resolve) => {
    child.once('error', (error) => resolve({ kind: 'failed', reason: error.message }))
    child.once('exit', (code, killed) => {
      void complaints.last().then((words) => {
        // A process between that is killed at once may leave the one behind it: that one goes when it hears no more of us.
        if (child.connected) child.disconnect()
        const reason = words === '' ? `${command} ended with ${killed ?? `status ${code}`}` : words
        resolve({ kind: killed === null ? 'failed' : 'killed', reason })
      })
    })
  })
  const ready = once(child, 'message').then((): LaunchResult => ({ kind: 'running', child, complaints }))
  ready.catch(() => undefined) // `error` ends `once()` too, and is what `ended` tells
  const kill = (): boolean => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  try {
    const result = await Promise.race([ready, ended])
    if (!signal.aborted) return result
    kill()
    await ended
    throw signal.reason
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** Without certificates of the user's own, which Node would read at its start, for longer than all the rest of it takes: the process talks to nobody. With a thread for each
 *  processor to compress with. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  const fewestThreads = 4 // Node's own number
  return { ...env, UV_THREADPOOL_SIZE: String(Math.max(fewestThreads, availableParallelism())) }
}

function commandOf(launch: Launch, script: string): readonly string[] {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script]
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
  switch (launch) {
    case 'namespaces':
      return ['unshare', ...apart, '--', ...node]
    case 'user-namespace':
      return ['unshare', '--user', '--map-root-user', '--map-auto', '--setgroups', 'allow', ...apart, '--', ...node]
    case 'single-id':
      return ['unshare', '--user', '--map-root-user', ...apart, '--', ...node]
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
  /** Where runs have had their control groups. */
  readonly #cgroupParents = new Set(['/'])
  #mayBeGuarded = false
  #lastId = 0

  constructor(child: ChildProcess, complaints: Complaints, owner: string) {
    this.#child = child
    this.#owner = owner
    child.on('message', (message: FromExecutor) => this.#receive(message))
    child.once('exit', (code, signal) => {
      const how = `it ended with ${signal ?? `status ${code}`}`
      void complaints.last().then((words) => this.#failAll(words === '' ? how : `${how}\n${words}`))
    })
    child.on('error', (error) => this.#failAll(error.message))
  }

  call<Name extends CallName>(name: Name, request: CallRequest<Name>, io: CallIo = {}): Promise<CallResult<Name>> {
    const { signal } = io
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    if (name === 'openSandbox') this.#mayBeGuarded = true
    if (name === 'run') this.#cgroupParents.add((request as RunCall).op.limits.cgroupParent ?? '/')
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
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#removeCgroups()
    // Not by `once()` of `node:events`, which an error ends too: a process that was killed just now may refuse the message.
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#send({ type: 'end' })
    if (this.#child.connected) this.#child.disconnect()
    await gone
    await this.#removeGuard()
  }

  /** What a process that was killed could not take away itself. */
  async #removeCgroups(): Promise<void> {
    const { removeLeftoverCgroups } = await import('../sandbox/cgroups.ts')
    removeLeftoverCgroups(`${this.#owner}~`, [...this.#cgroupParents])
    await this.#removeGuard()
  }

  async #removeGuard(): Promise<void> {
    if (!this.#mayBeGuarded) return
    const { removeDeviceGuard } = await import('../sandbox/device-guard.ts')
    await removeDeviceGuard(this.#owner)
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
    for (const { settle, reject, io } of [...this.#pending.values()]) {
      settle(() => reject(io.signal?.aborted === true ? (io.signal.reason as Error) : error))
    }
  }
}
