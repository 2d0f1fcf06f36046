import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../../test/support/registry.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { connectionCode, mayConnectionPass, openTransport, type Exchange, type RequestBody } from './index.ts'

async function startServer(listener: RequestListener) {
  let connections = 0
  const server = createServer(listener).on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return { url, connections: () => connections }
}

function bodyOf(...chunks: readonly Uint8Array[]): RequestBody {
  const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0)
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* read() {
    yield* chunks
  }
  return { mediaType: 'application/octet-stream', sizeBytes, read }
}

test('one connection serves one exchange after the other, those for headers only too', async () => {
  const { url, connections } = await startServer((request, response) => {
    const text = `${request.method} done`
    request.resume().once('end', () => response.setHeader('content-length', text.length).end(text))
  })
  await using transport = openTransport()
  const methods: readonly Exchange['method'][] = ['HEAD', 'GET', 'HEAD', 'POST', 'PUT']
  for (const method of methods) {
    const body = method === 'PUT' ? bodyOf(Buffer.from('content')) : undefined
    const answer = await transport.exchange({ method, url, headers: {}, body })
    const text = (await answer.readAtMost(100))?.toString()
    expect(text).toBe(method === 'HEAD' ? '' : `${method} done`)
  }
  expect(connections()).toBe(1)
})

test('a little of an unwanted body is read, for the connection; more of it costs a new one', async () => {
  const { url, connections } = await startServer((request, response) => {
    response.end(Buffer.alloc(request.url === '/large' ? 10_000_000 : 1000))
  })
  await using transport = openTransport()
  for (const path of ['small', 'small', 'large', 'small']) {
    await (await transport.exchange({ method: 'GET', url: new URL(path, url), headers: {} })).discard()
  }
  expect(connections()).toBe(2)
})

test('an answer that does not wait for the whole body is taken, and the rest is not sent', async () => {
  const { url } = await startServer((_, response) => response.writeHead(413).end('too much'))
  await using transport = openTransport()
  let read = 0
  async function* readSlowly() {
    for (; read < 1000; read++) {
      yield Buffer.alloc(1_000_000)
      await new Promise(setImmediate)
    }
  }
  const body = { mediaType: 'text/plain', sizeBytes: 1_000_000_000, read: readSlowly }
  const answer = await transport.exchange({ method: 'PUT', url, headers: {}, body })
  expect([answer.status, (await answer.readAtMost(100))?.toString()]).toEqual([413, 'too much'])
  expect(read).toBeLessThan(1000)
})

test('a body that cannot be read fails with its own failure', async () => {
  const { url } = await startServer((request) => request.resume())
  await using transport = openTransport()
  const failure = new Error('the disk is broken')
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* read() {
    yield Buffer.from('half')
    throw failure
  }
  const body = { mediaType: 'text/plain', sizeBytes: 8, read }
  await expect(transport.exchange({ method: 'PUT', url, headers: {}, body })).rejects.toBe(failure)
})

test('a stopped exchange fails with what it was stopped for, before its headers and behind them', async () => {
  const { url } = await startServer((request, response) => {
    if (request.url === '/begun') response.write('half')
  })
  await using transport = openTransport()
  const reason = new Error('enough')
  const silent = new AbortController()
  const waiting = transport.exchange({ method: 'GET', url, headers: {}, signal: silent.signal })
  setTimeout(() => silent.abort(reason), 20)
  await expect(waiting).rejects.toBe(reason)

  const begun = new AbortController()
  const exchange = { method: 'GET', url: new URL('begun', url), headers: {}, signal: begun.signal } as const
  const answer = await transport.exchange(exchange)
  setTimeout(() => begun.abort(reason), 20)
  await expect(answer.readAtMost(100)).rejects.toBe(reason)
})

test('a body that breaks off fails', async () => {
  const { url } = await startServer((_, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half', () => response.destroy())
  })
  await using transport = openTransport()
  const answer = await transport.exchange({ method: 'GET', url, headers: {} })
  await expect(answer.readAtMost(100)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a certificate that nobody vouches for is refused, and not asked for again', async () => {
  const { keyFile, certificateFile } = makeCertificate(temporaryFolder())
  const server = createSecureServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  await using transport = openTransport()
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const failure: unknown = await transport
    .exchange({ method: 'GET', url, headers: {} })
    .catch((error: unknown) => error)
  expect([connectionCode(failure), mayConnectionPass(failure)]).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT', false])
})
