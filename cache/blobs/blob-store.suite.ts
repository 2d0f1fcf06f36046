import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import type { BlobStore } from './blob-store.ts'
import { putBytes, readBlob } from './whole-blob.ts'

/** What every blob store does. `open` is called once for each test. */
export function describeBlobStore(name: string, open: () => BlobStore): void {
  describe(name, () => {
    test.each([0, 1, 300_000, 3_000_000])('get() gives back the %d bytes that put() took', async (sizeBytes) => {
      const blobs = open()
      const bytes = randomBytes(sizeBytes)
      const digest = digestOf(bytes)
      expect(await blobs.put(inChunks(bytes))).toEqual({ digest, sizeBytes })
      expect(await blobs.stat(digest)).toEqual({ digest, sizeBytes })
      expect(digestOf(await readBlob(blobs, digest))).toBe(digest)
    })

    test('put() is idempotent, and need not read what is present', async () => {
      const blobs = open()
      const bytes = randomBytes(10)
      const first = await putBytes(blobs, bytes)
      expect(await putBytes(blobs, bytes)).toEqual(first)
      expect(await blobs.put(failing(), { expect: first.digest })).toEqual(first)
    })

    test('put() takes equal content from several callers at once', async () => {
      const blobs = open()
      const bytes = randomBytes(100_000)
      const infos = await Promise.all([1, 2, 3, 4].map(() => blobs.put(inChunks(bytes))))
      expect(new Set(infos.map((info) => info.digest)).size).toBe(1)
      expect(digestOf(await readBlob(blobs, digestOf(bytes)))).toBe(digestOf(bytes))
    })

    test('put() keeps nothing when the digest differs', async () => {
      const blobs = open()
      const bytes = randomBytes(10)
      const expected = digestOf('something else')
      await expect(putBytes(blobs, bytes, expected)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
      expect(await blobs.stat(expected)).toBeUndefined()
      expect(await blobs.stat(digestOf(bytes))).toBeUndefined()
    })

    test('put() keeps nothing of a stream that fails, and passes its error on', async () => {
      const blobs = open()
      await expect(blobs.put(failing())).rejects.toThrow('the stream broke')
      expect(await blobs.stat(digestOf('some bytes'))).toBeUndefined()
    })

    test('put() stops with the reason of its signal', async () => {
      const blobs = open()
      const controller = new AbortController()
      const reason = new Error('the build was stopped')
      setTimeout(() => controller.abort(reason), 20)
      await expect(blobs.put(endless(), { signal: controller.signal })).rejects.toBe(reason)
    })

    test('get() says at the start that a blob is absent', async () => {
      const digest = digestOf('nobody put this')
      await expect(readBlob(open(), digest)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
      expect(await open().stat(digest)).toBeUndefined()
    })

    test('delete() takes away, and is content when nothing is there', async () => {
      const blobs = open()
      const { digest } = await putBytes(blobs, randomBytes(10))
      await blobs.delete(digest)
      await blobs.delete(digest)
      expect(await blobs.stat(digest)).toBeUndefined()
    })
  })
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000)
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('some bytes')
  await sleep(1)
  throw new Error('the stream broke')
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield Buffer.from('more')
    await sleep(1)
  }
}
