import type * as http from 'node:http'
import type * as https from 'node:https'
import { pipeline } from 'node:stream'
import { connectTimeoutMs, largestHeadersBytes, type Client, type ClientAnswer, type ClientRequest } from './client.ts'

/** A server may close a connection that it has not heard of for a while, just as we send on it. */
const longestUnusedMs = 4000

interface Protocol {
  readonly request: typeof http.request | typeof https.request
  readonly agent: http.Agent
}

/** Speaks to servers themselves, with what Node brings along: that is there in 3 ms, over TLS in 6, and keeps a connection that was asked for headers only. */
export class DirectClient implements Client {
  readonly #protocols = new Map<string, Promise<Protocol>>()

  async send(request: ClientRequest): Promise<ClientAnswer> {
    const name = request.url.protocol
    let protocol = this.#protocols.get(name)
    if (protocol === undefined) {
      protocol = load(name)
      this.#protocols.set(name, protocol)
    }
    return exchange(await protocol, request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const protocol of this.#protocols.values()) (await protocol).agent.destroy()
  }
}

async function load(name: string): Promise<Protocol> {
  const { Agent, request } = name === 'https:' ? await import('node:https') : await import('node:http')
  return { request, agent: new Agent({ keepAlive: true, timeout: longestUnusedMs }) }
}

function exchange(
  { request, agent }: Protocol,
  { method, url, headers, body, signal }: ClientRequest,
): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent, signal, maxHeaderSize: largestHeadersBytes })
    sent.on('error', reject) // what breaks behind the answer's headers is told to whoever reads its body
    sent.once('response', (answer: http.IncomingMessage) => {
      // An answer to what was not sent to the end yet: the rest is of no use.
      answer.once('close', () => sent.writableFinished || sent.destroy())
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer })
    })
    giveUpConnecting(sent, url)
    if (body === undefined) sent.end()
    else pipeline(body.once('error', reject), sent, () => undefined)
  })
}

function giveUpConnecting(sent: http.ClientRequest, { protocol }: URL): void {
  sent.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => sent.destroy(new ConnectTimeout('it does not answer')), connectTimeoutMs)
    const stop = (): void => clearTimeout(timer)
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', stop).once('close', stop)
  })
}

class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}
