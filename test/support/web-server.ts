import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface WebServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Host and port. */
  readonly host: string
  /** `GET /path`, in the order of arrival. */
  readonly requests: readonly string[]
  /** Headers of the request of the same index. */
  readonly headers: readonly IncomingMessage['headers'][]
}

/** What stands at a path: a body, or what a test does itself. */
export type Page = string | Buffer | ((request: IncomingMessage, response: ServerResponse) => unknown)

/** Serves pages on this machine until the running test has finished. Pages may be changed meanwhile; other paths are 404. */
export async function startWebServer(pages: Readonly<Record<string, Page>>): Promise<WebServer> {
  const requests: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    headers.push(request.headers)
    const page = pages[request.url ?? '']
    if (typeof page === 'function') page(request, response)
    else if (page === undefined) response.writeHead(404).end()
    else response.end(page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: `http://${host}`, host, requests, headers }
}
