import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { BuildError } from '../../../core/errors.ts'
import { openPipe } from '../../linux/index.ts'
import type { LaunchReply, LaunchRequest } from './launch-request.ts'

/** The executor's end of a launcher. */
export interface LauncherProcess extends AsyncDisposable {
  /** Resolves to the id of a new process, our child, in the request's pid namespace. One at a time; they queue.
   *  @throws {BuildError} `SANDBOX_FAILED` */
  launch(request: LaunchRequest): Promise<number>
}

/** Starts it, and comes back before it is ready.
 *  @param program path of the bundled launcher.js */
export function openLauncher(program: string): LauncherProcess {
  // The launcher reads without an event loop, so it must not get the sockets, never blocking, that Node makes.
  const [requestPipe, replyPipe] = [openPipe(), openPipe()]
  const child = spawn(process.execPath, ['--single-threaded', '--min-semi-space-size=4', program], {
    stdio: [requestPipe.readFd, replyPipe.writeFd, 'inherit'],
    env: {}, // above all no NODE_OPTIONS
  })
  for (const fd of [requestPipe.readFd, replyPipe.writeFd]) closeSync(fd)
  const requests = new Socket({ fd: requestPipe.writeFd, readable: false, writable: true })
  const replyLines = new Socket({ fd: replyPipe.readFd, readable: true, writable: false })
  const ended = once(child, 'exit').catch(() => undefined)
  requests.on('error', () => undefined) // the end of the replies tells
  const replies: AsyncIterator<string, undefined> = createInterface({ input: replyLines })[Symbol.asyncIterator]()
  let queue: Promise<unknown> = Promise.resolve()

  const ask = async (request: LaunchRequest): Promise<number> => {
    requests.write(`${JSON.stringify(request)}\n`)
    const next = await replies.next()
    if (next.done === true) throw launcherFailed('the launcher has ended')
    const reply = JSON.parse(next.value) as LaunchReply
    if (reply.kind === 'refused') throw launcherFailed(reply.message)
    return reply.pid
  }

  return {
    launch: (request) => {
      const answer = queue.then(() => ask(request))
      queue = answer.catch(() => undefined)
      return answer
    },
    [Symbol.asyncDispose]: async () => {
      await queue
      requests.end()
      await ended
    },
  }
}

export function launcherFailed(reason: string): BuildError {
  return new BuildError('SANDBOX_FAILED', `Cannot set up the sandbox: ${reason}`)
}
