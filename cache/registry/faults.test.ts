import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { parseReference } from '../../core/reference.ts'
import { amd64 } from '../../test/support/sample-image.ts'
import type { Clock } from '../http/index.ts'
import { openRegistry, type Credentials, type PushedImage } from './index.ts'

const config = Buffer.from('{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}')
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describing(mediaTypes.ociConfig, config),
    layers: [],
  }),
)
const blob = Buffer.from('0123456789'.repeat(50_000))
const blobDescriptor = describing(mediaTypes.ociLayer, blob)
const secret = 'correct-horse-battery'

describe('answers that may pass', () => {
  test('are asked for again after 1, 2, 4 and 8 seconds', async () => {
    const fake = await startFake((_, response, count) => (count < 4 ? answer(response, 503) : manifestAnswer(response)))
    expect((await fake.find()).digest).toBe(digestOf(manifest))
    expect(fake.pauses).toEqual([1000, 2000, 4000, 8000])
  })

  test('are given up after that, and the registry is quoted', async () => {
    const errors = { errors: [{ code: 'UNAVAILABLE', message: 'we are \u001b[31mclosed' }] }
    const fake = await startFake((_, response) => answer(response, 503, {}, JSON.stringify(errors)))
    await expect(fake.resolve()).rejects.toMatchObject({
      code: 'REGISTRY_FAILED',
      message: expect.stringContaining('answered 503 (UNAVAILABLE: we are  [31mclosed)') as string,
    })
    expect(fake.requests).toHaveLength(5)
  })

  test('are waited for as long as the registry asks, within reason', async () => {
    const fake = await startFake((_, response, count) =>
      count === 0 ? answer(response, 429, { 'retry-after': '7' }) : manifestAnswer(response),
    )
    await fake.find()
    expect(fake.pauses).toEqual([7000])
    const strict = await startFake((_, response) => answer(response, 429, { 'retry-after': '3600' }))
    await expect(strict.resolve()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
    expect(strict.pauses).toEqual([])
  })

  test('include connections that break', async () => {
    const fake = await startFake((request, response, count) =>
      count === 0 ? request.socket.destroy() : manifestAnswer(response),
    )
    await fake.find()
    expect(fake.pauses).toEqual([1000])
  })

  test('include manifests that break off', async () => {
    const fake = await startFake((request, response, count) => {
      if (count > 0) {
        answer(response, 200, {}, request.url?.includes('/blobs/') === true ? config : manifest)
        return
      }
      response.writeHead(200, { 'content-length': String(manifest.length) })
      response.write(manifest.subarray(0, 50), () => response.destroy())
    })
    expect((await fake.resolve()).manifest.layers).toEqual([])
    expect(fake.pauses).toEqual([1000])
  })

  test('do not include refusals', async () => {
    const fake = await startFake((_, response) => answer(response, 403))
    await expect(fake.find()).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    expect(fake.requests).toHaveLength(1)
  })

  test('stop when the build does', async () => {
    const fake = await startFake(() => undefined)
    const controller = new AbortController()
    const reason = new Error('the build was stopped')
    setTimeout(() => controller.abort(reason), 50)
    await expect(fake.registry.find(fake.reference, { signal: controller.signal })).rejects.toBe(reason)
  })
})

describe('manifests', () => {
  test.each([
    ['announced', { 'content-length': String(5 * 1024 * 1024) }],
    ['not announced', {}],
  ])('of more than 4 MiB are refused, %s', async (_, headers) => {
    const fake = await startFake((__, response) => answer(response, 200, headers, Buffer.alloc(5 * 1024 * 1024, ' ')))
    await expect(fake.resolve()).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('with another digest than announced or pinned are refused', async () => {
    const digest = digestOf('something else')
    const fake = await startFake((_, response) => manifestAnswer(response, { 'docker-content-digest': digest }))
    await expect(fake.resolve()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    const other = await startFake((_, response) => manifestAnswer(response))
    await expect(other.registry.resolve({ ...other.reference, digest }, amd64)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
    await expect(other.registry.find({ ...other.reference, digest })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test.each([
    ['are no JSON', 'hello'],
    ['are of schema 1', '{"schemaVersion":1,"fsLayers":[]}'],
    ['are an index and a manifest at once', '{"schemaVersion":2,"manifests":[],"layers":[]}'],
    [
      'are not what their type says',
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, config: {}, layers: [] }),
    ],
    [
      'point at no digest',
      JSON.stringify({ schemaVersion: 2, config: { mediaType: '', digest: 'md5:x', size: 1 }, layers: [] }),
    ],
  ])('that %s are refused', async (_, text) => {
    const fake = await startFake((__, response) =>
      answer(response, 200, { 'content-type': mediaTypes.ociManifest }, text),
    )
    await expect(fake.resolve()).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('that lead to themselves are refused', async () => {
    let index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...describing(mediaTypes.ociIndex, manifest) }] }),
    )
    const known = new Map([[digestOf(manifest), manifest]])
    for (let depth = 0; depth < 6; depth++) {
      known.set(digestOf(index), index)
      index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [describing(mediaTypes.ociIndex, index)] }))
    }
    const fake = await startFake((request, response) => {
      const name = (request.url ?? '').split('/').at(-1) ?? ''
      const bytes = [...known].find(([digest]) => digest === name)?.[1] ?? index
      answer(response, 200, { 'content-type': mediaTypes.ociIndex }, bytes)
    })
    await expect(fake.resolve()).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('are fetched where a registry does not know HEAD, or tells no digest', async () => {
    for (const headAnswer of [
      (response: ServerResponse) => answer(response, 405),
      (response: ServerResponse) => answer(response, 200),
      (response: ServerResponse) => answer(response, 200, { 'docker-content-digest': 'sha256:nonsense' }),
    ]) {
      const fake = await startFake((request, response) =>
        request.method === 'HEAD' ? headAnswer(response) : manifestAnswer(response),
      )
      expect((await fake.find()).digest).toBe(digestOf(manifest))
    }
  })
})

describe('blobs', () => {
  test('are gone on with where the connection broke', async () => {
    const fake = await startFake((request, response, count) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (count === 3) {
        sendBlob(response, blob.subarray(from), 206, from)
        return
      }
      sendHalf(response, blob.subarray(from), from === 0 ? 200 : 206, from)
    })
    expect(digestOf(await fake.blob())).toBe(blobDescriptor.digest)
    expect(fake.requests.map(({ headers }) => headers.range !== undefined)).toEqual([false, true, true, true])
    expect(fake.pauses).toEqual([1000, 1000, 1000])
  })

  test('are read anew where a registry knows no ranges', async () => {
    const fake = await startFake((_, response, count) =>
      count === 0 ? sendHalf(response, blob, 200, 0) : answer(response, 200, {}, blob),
    )
    expect(digestOf(await fake.blob())).toBe(blobDescriptor.digest)
  })

  test('are given up when nothing more comes', async () => {
    const fake = await startFake((request, response) => {
      if (request.headers.range === undefined) {
        sendHalf(response, blob, 200, 0)
        return
      }
      const from = Number(/\d+/.exec(request.headers.range)?.[0])
      response.writeHead(206, { 'content-length': '10', 'content-range': `bytes ${from}-${from + 9}/${blob.length}` })
      response.flushHeaders()
      setImmediate(() => response.destroy())
    })
    await expect(fake.blob()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
    expect(fake.pauses).toEqual([1000, 2000, 4000, 8000])
  })

  test.each([
    ['other bytes', Buffer.from(blob).fill('x', 5, 6)],
    ['more bytes', Buffer.concat([blob, Buffer.from('x')])],
  ])('of %s are refused', async (_, bytes) => {
    const fake = await startFake((__, response) => answer(response, 200, {}, bytes))
    await expect(fake.blob()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test('that are shorter than announced are refused', async () => {
    const fake = await startFake((request, response) =>
      request.headers.range === undefined ? answer(response, 200, {}, blob.subarray(0, 1000)) : answer(response, 416),
    )
    await expect(fake.blob()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test('of another range than asked for are refused', async () => {
    const fake = await startFake((request, response) =>
      request.headers.range === undefined ? sendHalf(response, blob, 200, 0) : sendBlob(response, blob, 206, 0),
    )
    await expect(fake.blob()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
  })

  test('are fetched from wherever the registry redirects to, without its credentials', async () => {
    const store = await startFake((_, response) => answer(response, 200, {}, blob))
    const fake = await startFake(
      withPassword((_, response) => answer(response, 307, { location: `http://${store.host}/elsewhere?signed=yes` })),
      basic,
    )
    expect(digestOf(await fake.blob())).toBe(blobDescriptor.digest)
    expect(fake.requests.at(-1)?.headers.authorization).toMatch(/^Basic /)
    expect(store.requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/elsewhere?signed=yes', undefined],
    ])
  })

  test.each(['http://192.0.2.1/blob', 'file:///etc/passwd', 'data:,x', 'http://[', ''])(
    'are not fetched from %j',
    async (location) => {
      const fake = await startFake((_, response) => answer(response, 302, { location }))
      await expect(fake.blob()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
    },
  )

  test('are not fetched from registries that redirect for ever', async () => {
    const fake = await startFake((request, response) => answer(response, 302, { location: `${request.url}x` }))
    await expect(fake.blob()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
    expect(fake.requests).toHaveLength(6)
  })
})

describe('secrets', () => {
  test('are not repeated when a registry repeats them', async () => {
    const fake = await startFake(
      withPassword((request, response) => {
        const message = `your password ${secret} (${request.headers.authorization}) is bad`
        answer(response, 400, {}, JSON.stringify({ errors: [{ code: 'DENIED', message }] }))
      }),
      basic,
    )
    const failure: unknown = await fake.resolve().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(BuildError)
    const told = String(failure)
    expect(told).toContain('your password *** (Basic ***) is bad')
    expect(told).not.toContain(secret)
  })

  test('are not sent to token servers that cannot be trusted', async () => {
    for (const realm of ['http://192.0.2.1/token', 'ftp://x/token', 'token', '']) {
      const fake = await startFake(
        (_, response) => answer(response, 401, { 'www-authenticate': `Bearer realm="${realm}"` }),
        basic,
      )
      await expect(fake.resolve()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
    }
  })

  test('are not put into addresses in messages', async () => {
    const store = await startFake((_, response) => answer(response, 404))
    const fake = await startFake((_, response) =>
      answer(response, 307, { location: `http://${store.host}/x?signature=${secret}` }),
    )
    const failure: unknown = await fake.blob().catch((error: unknown) => error)
    expect(String(failure)).not.toContain(secret)
  })
})

describe('tokens', () => {
  test('are bought with an identity token, once, until they expire', async () => {
    const forms: string[] = []
    const fake = await startFake(
      async (request, response) => {
        if (request.url === '/token') {
          forms.push(Buffer.concat((await request.toArray()) as Uint8Array[]).toString())
          answer(response, 200, {}, JSON.stringify({ access_token: `token-${forms.length}`, expires_in: 120 }))
          return
        }
        if (request.headers.authorization !== `Bearer token-${forms.length}`) {
          tokenChallenge(request, response)
          return
        }
        manifestAnswer(response)
      },
      { kind: 'identity-token', token: secret },
    )
    await fake.find()
    await fake.find()
    expect(forms).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(forms[0]))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: secret,
      client_id: 'stave',
      access_type: 'offline',
      service: 'fake',
      scope: 'repository:some/app:pull',
    })
    fake.advance(119_000)
    await fake.find()
    expect(forms).toHaveLength(2)
    expect(fake.requests.filter(({ headers }) => headers.authorization === 'Bearer token-1')).toHaveLength(4)
  })

  test('that are refused for their scope are the end of it', async () => {
    const fake = await startFake((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        answer(response, 200, {}, '{"token":"t"}')
        return
      }
      tokenChallenge(
        request,
        response,
        request.headers.authorization === undefined ? '' : ',error="insufficient_scope"',
      )
    }, basic)
    await expect(fake.find()).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    expect(fake.requests).toHaveLength(3)
  })

  test.each([
    ['gigantic', JSON.stringify({ token: 'x'.repeat(1024 * 1024) })],
    ['missing', '{}'],
    ['made of two lines', JSON.stringify({ token: 'a\r\nx: y' })],
    ['no JSON', 'x'],
  ])('that are %s are refused', async (_, text) => {
    const fake = await startFake((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        answer(response, 200, {}, text)
        return
      }
      tokenChallenge(request, response)
    })
    await expect(fake.find()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
  })
})

describe('uploads', () => {
  test('start over in a new session when one fails', async () => {
    let puts = 0
    const fake = await startFake(async (request, response) => {
      if (request.method === 'PUT' && request.url?.includes('/uploads/') === true) {
        puts += 1
        if (puts === 1) return request.socket.destroy()
        await request.toArray()
        answer(response, puts === 2 ? 500 : 201)
        return
      }
      await pushAnswer(request, response)
    })
    await fake.push()
    expect(puts).toBe(3)
    expect(fake.requests.filter(({ method }) => method === 'POST')).toHaveLength(3)
    expect(fake.pauses).toEqual([1000, 2000])
  })

  test('keep the query of their address, and send no credentials to another host', async () => {
    const other = await startFake(async (request, response) => {
      await request.toArray()
      answer(response, 201)
    })
    const fake = await startFake(
      withPassword((request, response) =>
        request.method === 'POST'
          ? answer(response, 202, { location: `http://user:pw@${other.host}/upload?state=a%2Fb` })
          : pushAnswer(request, response),
      ),
      basic,
    )
    await fake.push()
    expect(other.requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      [`/upload?state=a%2Fb&digest=${encodeURIComponent(digestOf(config))}`, undefined],
    ])
  })

  test.each(['http://192.0.2.1/upload', 'ftp://example/upload', undefined])('do not go to %s', async (location) => {
    const fake = await startFake((request, response) =>
      request.method === 'POST'
        ? answer(response, 202, location === undefined ? {} : { location })
        : pushAnswer(request, response),
    )
    await expect(fake.push()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
  })

  test('go on in the session that a registry opens rather than mounting', async () => {
    const fake = await startFake((request, response) => pushAnswer(request, response))
    await fake.push({ sourcesOf: () => ['other/app'] })
    const posts = fake.requests.filter(({ method }) => method === 'POST').map(({ url }) => url)
    expect(posts).toEqual([
      `/v2/some/app/blobs/uploads/?mount=${encodeURIComponent(digestOf(config))}&from=other%2Fapp`,
    ])
  })

  test('do without a mount that is forbidden', async () => {
    const fake = await startFake((request, response) =>
      request.url?.includes('mount=') === true ? answer(response, 403) : pushAnswer(request, response),
    )
    await fake.push({ sourcesOf: () => ['other/app'] })
    expect(fake.requests.filter(({ method }) => method === 'POST')).toHaveLength(2)
  })

  test('of manifests that the registry stores under another digest fail', async () => {
    const fake = await startFake((request, response) =>
      request.url?.includes('/manifests/') === true && request.method === 'PUT'
        ? answer(response, 201, { 'docker-content-digest': digestOf('changed') })
        : pushAnswer(request, response),
    )
    await expect(fake.push()).rejects.toMatchObject({ code: 'REGISTRY_FAILED' })
  })
})

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => unknown

/** A registry that answers as the test wants it, and a client whose clock stands still but for its pauses. */
async function startFake(handler: Handler, credentials: Credentials = { kind: 'anonymous' }) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    void handler(request, response, requests.length - 1)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const pauses: number[] = []
  let nowMs = 0
  const clock: Clock = {
    now: () => nowMs,
    sleep: (ms) => {
      pauses.push(ms)
      return Promise.resolve()
    },
  }
  const registry = openRegistry({ clock, credentials: () => Promise.resolve(credentials) })
  onTestFinished(async () => {
    await registry[Symbol.asyncDispose]()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const reference = parseReference(`${host}/some/app:1`)
  const documents = new Map([manifest, config].map((bytes) => [digestOf(bytes), bytes]))
  const image: PushedImage = {
    target: reference,
    tags: ['1'],
    root: describing(mediaTypes.ociManifest, manifest),
    read: ({ digest }) => oneChunk(documents.get(digest) ?? Buffer.alloc(0)),
  }
  return {
    host,
    registry,
    reference,
    requests,
    pauses,
    advance: (ms: number) => (nowMs += ms),
    find: async () => (await registry.find(reference))!,
    resolve: () => registry.resolve(reference, amd64),
    blob: () => collect(registry.readBlob(reference, blobDescriptor)),
    push: (more: Partial<PushedImage> = {}) => registry.push({ ...image, ...more }),
  }
}

const basic: Credentials = { kind: 'basic', username: 'me', password: secret }

function withPassword(handler: Handler): Handler {
  return (request, response, count) =>
    request.headers.authorization === undefined
      ? answer(response, 401, { 'www-authenticate': 'Basic realm="fake"' })
      : handler(request, response, count)
}

function tokenChallenge(request: IncomingMessage, response: ServerResponse, more = ''): void {
  const realm = `http://${request.headers.host}/token`
  answer(response, 401, { 'www-authenticate': `Bearer realm="${realm}",service="fake"${more}` })
}

/** What a registry says to a push when all is well. */
async function pushAnswer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await request.toArray()
  switch (request.method) {
    case 'HEAD': {
      answer(response, 404)
      return
    }
    case 'POST': {
      answer(response, 202, { location: '/v2/some/app/blobs/uploads/session?state=1' })
      return
    }
    default: {
      answer(response, 201)
      return
    }
  }
}

function answer(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  body: string | Uint8Array = '',
): void {
  response.writeHead(status, headers).end(body)
}

function manifestAnswer(response: ServerResponse, headers: Record<string, string> = {}): void {
  answer(response, 200, { 'content-type': mediaTypes.ociManifest, ...headers }, manifest)
}

function sendBlob(response: ServerResponse, bytes: Uint8Array, status: number, from: number): void {
  response.writeHead(status, { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` }).end(bytes)
}

/** Announces all of it, and breaks off after half. */
function sendHalf(response: ServerResponse, bytes: Uint8Array, status: number, from: number): void {
  const range = { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` }
  response.writeHead(status, { 'content-length': String(bytes.length), ...(status === 206 ? range : {}) })
  response.write(bytes.subarray(0, bytes.length / 2), () => setTimeout(() => response.destroy(), 20))
}

function describing(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
