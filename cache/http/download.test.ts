import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf, type Digest } from '../../core/digest.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openDiskBlobs } from '../blobs/index.ts'
import { openFactStore } from '../facts/index.ts'
import { download, type Downloaded } from './download.ts'
import type { Answer, Exchange, Transport } from './transport.ts'

interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The connection breaks with this code. */
  readonly breaks?: string
  readonly message?: string
}

/** Answers with one reply after the other. */
class ScriptedTransport implements Transport {
  readonly exchanges: Exchange[] = []
  readonly #replies: Reply[]

  constructor(replies: readonly Reply[]) {
    this.#replies = [...replies]
  }

  exchange(exchange: Exchange): Promise<Answer> {
    this.exchanges.push(exchange)
    const { status = 200, headers = {}, body = '', breaks, message } = this.#replies.shift() ?? { breaks: 'ENOTFOUND' }
    if (breaks !== undefined) return Promise.reject(Object.assign(new Error(message ?? breaks), { code: breaks }))
    return Promise.resolve({
      status,
      url: exchange.url,
      header: (name) => headers[name],
      body: chunksOf(body),
      readAtMost: () => Promise.resolve(Buffer.from(body)),
      discard: () => Promise.resolve(),
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

class Setting {
  readonly pauses: number[] = []
  readonly #root = temporaryFolder()
  exchanges: readonly Exchange[] = []

  async get(
    url: string,
    replies: readonly Reply[],
    options: {
      readonly authorization?: string
      readonly expect?: Digest
      readonly dated?: boolean
      readonly signal?: AbortSignal
    } = {},
  ): Promise<Downloaded> {
    const transport = new ScriptedTransport(replies)
    this.exchanges = transport.exchanges
    const { authorization, expect: wanted, dated = false, signal = new AbortController().signal } = options
    const sleep = (ms: number): Promise<void> => {
      this.pauses.push(ms)
      return Promise.resolve()
    }
    return download(
      { url, authorization, expect: wanted, dated },
      {
        blobs: openDiskBlobs(join(this.#root, 'blobs'), join(this.#root, 'tmp')),
        facts: openFactStore(join(this.#root, 'facts')),
        transport,
        clock: { now: () => 0, sleep },
        signal,
      },
    )
  }

  /** Headers of each exchange, but for what every one has. */
  headers(): readonly object[] {
    return this.exchanges.map(({ headers }) => {
      const { 'user-agent': _, ...rest } = headers
      return rest
    })
  }
}

test('the digest, the size and the time of the file are told', async () => {
  const headers = { 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' }
  expect(await new Setting().get('https://x/y', [{ headers, body: 'body' }])).toEqual({
    digest: digestOf('body'),
    sizeBytes: 4,
    mtimeSeconds: 60,
  })
})

for (const [time, seconds] of [
  ['', undefined],
  ['yesterday', undefined],
  ['Wed, 31 Dec 1969 23:00:00 GMT', 0],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
] as const) {
  test(`the time ${JSON.stringify(time)} is ${seconds ?? 'none'}`, async () => {
    const reply = { headers: { 'last-modified': time }, body: 'b' }
    expect((await new Setting().get('https://x/y', [reply])).mtimeSeconds).toBe(seconds)
  })
}

test('a tag goes before a time in the question whether the file has changed, and the answer "no" keeps the time', async () => {
  const at = new Setting()
  const validators = { etag: 'W/"1"', 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' }
  const first = await at.get('https://x/y', [{ headers: validators, body: 'b' }])
  expect(await at.get('https://x/y', [{ status: 304 }])).toEqual(first)
  expect(at.headers()).toEqual([{ 'if-none-match': 'W/"1"' }])
})

test('what stands behind "#" is not sent, and the query makes another file', async () => {
  const at = new Setting()
  await at.get('https://x/y?a#b', [{ headers: { etag: '1' }, body: 'b' }])
  expect(at.exchanges[0]?.url.href).toBe('https://x/y?a')
  await at.get('https://x/y?c', [{ body: 'c' }])
  expect(at.headers()).toEqual([{}])
})

test('a server that says "not changed" to somebody who asked for no such thing is not believed', async () => {
  await expect(new Setting().get('https://x/y', [{ status: 304 }])).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
})

test('redirects are followed, and credentials go to their own host alone', async () => {
  const at = new Setting()
  const replies = [
    { status: 301, headers: { location: '/z' } },
    { status: 307, headers: { location: 'https://evil:pw@other/z' } },
    { body: 'b' },
  ]
  await at.get('https://x/y', replies, { authorization: 'Bearer t' })
  expect(at.exchanges.map(({ url }) => url.href)).toEqual(['https://x/y', 'https://x/z', 'https://other/z'])
  expect(at.headers()).toEqual([{ authorization: 'Bearer t' }, { authorization: 'Bearer t' }, {}])
})

test('another port of the host is another place, and so is the host without TLS', async () => {
  const at = new Setting()
  const replies = [{ status: 302, headers: { location: 'http://x:81/' } }, { body: 'b' }]
  await at.get('http://u:p@x/', replies)
  expect(at.headers()).toEqual([{ authorization: `Basic ${Buffer.from('u:p').toString('base64')}` }, {}])
})

for (const [location, why] of Object.entries({
  'http://x/y': 'redirects from HTTPS to plain HTTP',
  'file:///etc/passwd': 'no address of the web',
  'https://[': 'no address of the web',
})) {
  test(`a redirect to ${location} is not followed`, async () => {
    const reply = { status: 302, headers: { location } }
    await expect(new Setting().get('https://x/y', [reply])).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining(why) as string,
    })
  })
}

test('what may pass is asked for again, as long as the server says', async () => {
  const at = new Setting()
  const replies = [
    { status: 503 },
    { status: 429, headers: { 'retry-after': '7' } },
    { breaks: 'ECONNRESET' },
    { body: 'b' },
  ]
  await at.get('https://x/y', replies)
  expect(at.pauses).toEqual([1000, 7000, 4000])
})

test('a host that does not exist is not asked for again', async () => {
  const at = new Setting()
  await expect(at.get('https://u:secret@x/y', [{ breaks: 'ENOTFOUND' }])).rejects.toMatchObject({
    code: 'SOURCE_UNREACHABLE',
    message: 'Cannot download https://x/y: there is no host of that name',
  })
  expect(at.pauses).toEqual([])
})

test('a certificate that is not trusted is told as such', async () => {
  const at = new Setting()
  const failure = { breaks: 'SELF_SIGNED_CERT_IN_CHAIN', message: 'self-signed certificate in certificate chain' }
  await expect(at.get('https://x/y', [failure])).rejects.toMatchObject({
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
  })
  expect(at.pauses).toEqual([])
})

test('a file that is here is not asked for, wherever it came from', async () => {
  const at = new Setting()
  await at.get('https://x/y', [{ body: 'b', headers: { 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' } }])
  const wanted = { expect: digestOf('b') }
  expect((await at.get('https://x/y', [], wanted)).mtimeSeconds).toBe(60)
  expect((await at.get('https://other/y', [], wanted)).mtimeSeconds).toBeUndefined()
})

test('a file that is here is asked for where its time matters and this server has not told it', async () => {
  const at = new Setting()
  await at.get('https://x/y', [{ body: 'b', headers: { 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' } }])
  const wanted = { expect: digestOf('b'), dated: true }
  const other = { body: 'b', headers: { 'last-modified': 'Thu, 01 Jan 1970 00:02:00 GMT' } }
  expect((await at.get('https://x/y', [], wanted)).mtimeSeconds).toBe(60)
  expect((await at.get('https://other/y', [other], wanted)).mtimeSeconds).toBe(120)
  expect((await at.get('https://other/y', [], wanted)).mtimeSeconds).toBe(120)
})

test('a file that is not what it should be is not kept', async () => {
  const at = new Setting()
  await expect(at.get('https://x/y', [{ body: 'evil' }], { expect: digestOf('good') })).rejects.toMatchObject({
    code: 'CHECKSUM_MISMATCH',
  })
  await at.get('https://x/y', [{ body: 'good' }], { expect: digestOf('good') })
  expect(at.headers()).toEqual([{}])
})

test('an aborted download ends with the reason', async () => {
  const reason = new Error('enough')
  await expect(new Setting().get('https://x/y', [{ body: 'b' }], { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  )
})
