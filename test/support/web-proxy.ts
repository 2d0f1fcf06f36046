import { once } from 'node:events'
import { createServer, request as sendRequest } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface WebProxy {
  readonly url: string
  /** Hosts that it was asked to go to, in order. */
  readonly hosts: readonly string[]
}

/** A proxy that takes every host for the server at `host`, so that tests may use any name; until the running test has finished. */
export async function startWebProxy(host: string): Promise<WebProxy> {
  const [hostname = '', port = ''] = host.split(':')
  const hosts: string[] = []
  const proxy = createServer((request, response) => {
    const url = new URL(request.url ?? '')
    hosts.push(url.host)
    const options = {
      hostname,
      port,
      path: url.pathname + url.search,
      method: request.method,
      headers: request.headers,
    }
    request.pipe(
      sendRequest(options, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  proxy.on('connect', (request, socket) => {
    hosts.push(request.url ?? '')
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    for (const side of [socket, upstream]) side.on('error', () => [socket, upstream].forEach((each) => each.destroy()))
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(async () => {
    proxy.closeAllConnections()
    proxy.close()
    await once(proxy, 'close')
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, hosts }
}
