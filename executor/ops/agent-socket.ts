import { chmodSync, closeSync, openSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { once } from 'node:events'
import type { SshMount } from '../../core/ops.ts'
import { changeOwner } from './change-owner.ts'

/** A socket that leads to an ssh agent. Disposing ends it, and all conversations. */
export interface AgentSocket extends AsyncDisposable {
  /** Absolute. */
  readonly path: string
}

/** Makes a socket of this run's own, since the agent's belongs to the caller, and a step may be another user.
 *  @param agent absolute path of the agent's socket; @param path where nothing is yet
 *  @throws {BuildError} `MOUNT_INVALID` */
export async function openAgentSocket(
  agent: string,
  path: string,
  { target, uid, gid, mode }: SshMount,
): Promise<AgentSocket> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (step) => forward(step, agent, open))
  await listen(server, path)
  changeOwner(path, target, uid, gid)
  chmodSync(path, mode)
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  using place = shortAddress(path)
  const listening = once(server, 'listening')
  server.listen(place.address)
  await listening
}

/** An agent that is gone ends the conversation, which the step's ssh can tell. */
function forward(step: Socket, agent: string, open: Set<Socket>): void {
  using place = shortAddress(agent)
  const upstream = connect({ path: place.address, allowHalfOpen: true })
  for (const socket of [step, upstream]) {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  }
  step.on('error', () => upstream.destroy()).pipe(upstream)
  upstream.on('error', () => step.destroy()).pipe(step)
}

/** Addresses of sockets have 107 bytes at most: the folder's part is said by a descriptor. Both calls that take one take it at once.
 *  @see https://man7.org/linux/man-pages/man7/unix.7.html */
function shortAddress(path: string): Disposable & { readonly address: string } {
  const fd = openSync(dirname(path), 'r')
  return { address: join(`/proc/self/fd/${fd}`, basename(path)), [Symbol.dispose]: () => closeSync(fd) }
}
