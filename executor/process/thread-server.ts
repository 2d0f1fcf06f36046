import { parentPort } from 'node:worker_threads'
import { sendError, type SentError } from './sent-error.ts'
import { threadCalls, type ThreadCallName } from './calls.ts'

export interface ThreadCall {
  readonly name: ThreadCallName
  readonly request: unknown
}

export type ThreadAnswer =
  { readonly type: 'result'; readonly value: unknown } | { readonly type: 'error'; readonly error: SentError }

/** Answers one call after the other, in a thread of the executor. */
export function serveThread(): void {
  const port = parentPort
  if (port === null) throw new Error('serveThread() belongs in a worker thread')
  port.on('message', (call: ThreadCall) => {
    void answer(call).then((reply) => port.postMessage(reply))
  })
}

async function answer({ name, request }: ThreadCall): Promise<ThreadAnswer> {
  try {
    return { type: 'result', value: await threadCalls[name](request as never) }
  } catch (error) {
    return { type: 'error', error: sendError(error) }
  }
}
