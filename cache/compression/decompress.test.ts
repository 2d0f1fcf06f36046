import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { decompress } from './index.ts'
import { unbzip2InProcess } from './unbzip2-in-process.ts'
import { unxzInProcess } from './unxz-in-process.ts'
import { unzstdInProcess } from './unzstd-in-process.ts'

type Decompress = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

const plain = Buffer.concat([Buffer.alloc(500_000), randomBytes(300_000), Buffer.from('words '.repeat(100_000))])

describe.each<[string, readonly string[], Decompress]>([
  ['gzip', ['gzip', '-1c'], decompress],
  ['zstd', ['zstd', '-qc'], decompress],
  ['bzip2', ['bzip2', '-c'], decompress],
  ['xz', ['xz', '-1c'], decompress],
  ['zstd in process', ['zstd', '-qc'], unzstdInProcess],
  ['bzip2 in process', ['bzip2', '-c'], unbzip2InProcess],
  ['bzip2 in process, small blocks', ['bzip2', '-1c'], unbzip2InProcess],
  ['xz in process', ['xz', '-1c'], unxzInProcess],
])('%s', (name, [program = '', ...options], read) => {
  const pack = (bytes: Uint8Array) => execFileSync(program, options, { input: bytes, maxBuffer: 1e9 })
  const packed = pack(plain)

  test('gives back what the program packed', async () => {
    expect(digestOf(await whole(read(inChunks(packed, 10_000))))).toBe(digestOf(plain))
    expect(await whole(read(inChunks(pack(Buffer.from('x')), 1)))).toEqual(Buffer.from('x'))
    expect(await whole(read(inChunks(pack(Buffer.alloc(0)), 100)))).toEqual(Buffer.alloc(0))
  })

  test.skipIf(name === 'xz in process')('reads several streams behind each other as one', async () => {
    expect(digestOf(await whole(read(inChunks(Buffer.concat([packed, packed]), 10_000))))).toBe(
      digestOf(Buffer.concat([plain, plain])),
    )
  })

  test('refuses data that ends too early', async () => {
    const cut = packed.subarray(0, packed.length - 20_000)
    await expect(whole(read(inChunks(cut, 10_000)))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test.skipIf(name === 'zstd in process')('refuses damaged data', async () => {
    const damaged = Buffer.from(packed)
    damaged.fill(0xa5, 100_000, 100_100)
    await expect(whole(read(inChunks(damaged, 10_000)))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test("passes the source's own error on", async () => {
    await expect(whole(read(failing(packed)))).rejects.toThrow('the source broke')
  })

  test('closes the source when the reader breaks off', async () => {
    let closed = false
    async function* source() {
      try {
        yield* inChunks(packed, 10_000)
        await sleep(1)
      } finally {
        closed = true
      }
    }
    const reading = read(source())[Symbol.asyncIterator]()
    await reading.next()
    await reading.return?.()
    expect(closed).toBe(true)
  })
})

test.each(['', 'x', 'plain text'])('%j is given as it is', async (text) => {
  expect(String(await whole(decompress(inChunks(Buffer.from(text), 1))))).toBe(text)
})

test('a frame of user data in front of zstd is passed over', async () => {
  const packed = execFileSync('zstd', ['-qc'], { input: 'content' })
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
  const archive = Buffer.concat([skipped, packed, skipped])
  expect(String(await whole(decompress(inChunks(archive, 3))))).toBe('content')
  expect(String(await whole(unzstdInProcess(inChunks(archive, 3))))).toBe('content')
})

test('the source is read to its end, even behind what the format knows', async () => {
  let ended = false
  async function* source() {
    yield execFileSync('gzip', ['-c'], { input: 'content' })
    yield* inChunks(Buffer.alloc(1_000_000), 100_000)
    ended = true
  }
  expect(String(await whole(decompress(source())))).toBe('content')
  expect(ended).toBe(true)
})

async function whole(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function* failing(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 50_000)
  await sleep(1)
  throw new Error('the source broke')
}
