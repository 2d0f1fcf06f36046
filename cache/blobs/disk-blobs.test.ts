import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeBlobStore } from './blob-store.suite.ts'
import { openDiskBlobs, putBytes, readBlob } from './index.ts'

function open(root = temporaryFolder()) {
  return openDiskBlobs(join(root, 'blobs'), join(root, 'tmp'))
}

describeBlobStore('blobs on disk', () => open())

test('a blob is a read-only file named by its digest, and nothing stays staged', async () => {
  const root = temporaryFolder()
  const blobs = open(root)
  const { digest } = await putBytes(blobs, Buffer.from('bytes'))
  const path = join(root, 'blobs', 'sha256', digest.slice(7))
  expect(blobs.pathOf(digest)).toBe(path)
  expect(readFileSync(path, 'utf8')).toBe('bytes')
  expect(statSync(path).mode & 0o777).toBe(0o444)
  expect(readdirSync(join(root, 'tmp'))).toEqual([])
  expect(await blobs.list()).toEqual([digest])
})

test('nothing stays staged after a failure', async () => {
  const root = temporaryFolder()
  await expect(putBytes(open(root), Buffer.from('bytes'), digestOf('other'))).rejects.toThrow()
  expect(readdirSync(join(root, 'tmp'))).toEqual([])
})

test('get() refuses a file of an earlier build that was damaged on the disk', async () => {
  const root = temporaryFolder()
  const blobs = open(root)
  const { digest } = await putBytes(blobs, Buffer.from('bytes'))
  chmodSync(blobs.pathOf(digest), 0o644)
  writeFileSync(blobs.pathOf(digest), 'bytez')
  await expect(readBlob(open(root), digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('adopt() moves a staged file in, and removes it where the blob is present', async () => {
  const root = temporaryFolder()
  const blobs = open(root)
  const digest = digestOf('layer')
  for (const name of ['first', 'second']) {
    const staged = join(root, name)
    writeFileSync(staged, 'layer')
    expect(await blobs.adopt(staged, digest, 5)).toEqual({ digest, sizeBytes: 5 })
    expect(existsSync(staged)).toBe(false)
  }
  expect(Buffer.from(await readBlob(blobs, digest)).toString()).toBe('layer')
})

test('readSync() gives the bytes of a blob, and undefined for an absent one', async () => {
  const blobs = open()
  const { digest } = await putBytes(blobs, Buffer.from('bytes'))
  expect(Buffer.from(blobs.readSync(digest) ?? []).toString()).toBe('bytes')
  expect(blobs.readSync(digestOf('absent'))).toBeUndefined()
})

test('readUnverified() gives the bytes of a blob as they are, and says at the start that one is absent', async () => {
  const blobs = open()
  const { digest } = await putBytes(blobs, Buffer.from('bytes'))
  chmodSync(blobs.pathOf(digest), 0o644)
  writeFileSync(blobs.pathOf(digest), 'other')
  const chunks: Uint8Array[] = []
  for await (const chunk of blobs.readUnverified(digest)) chunks.push(chunk)
  expect(Buffer.concat(chunks).toString()).toBe('other')
  const absent = blobs.readUnverified(digestOf('absent'))[Symbol.asyncIterator]()
  await expect(absent.next()).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
})

test('a blob that is read into the same memory again and again is whole for whoever takes each chunk at once', async () => {
  const blobs = open()
  const bytes = randomBytes(2_500_000)
  const { digest } = await putBytes(blobs, bytes)
  const memories = new Set<ArrayBufferLike>()
  const copies: Buffer[] = []
  for await (const chunk of blobs.get(digest, { reuseMemory: true })) {
    memories.add(chunk.buffer)
    copies.push(Buffer.from(chunk))
  }
  expect([Buffer.concat(copies).equals(bytes), copies.length > 1, memories.size]).toEqual([true, true, 1])
})

test('a damaged blob that is read into the same memory is found out', async () => {
  const root = temporaryFolder()
  const { digest } = await putBytes(open(root), Buffer.from('bytes'))
  const later = open(root)
  chmodSync(later.pathOf(digest), 0o644)
  writeFileSync(later.pathOf(digest), 'other')
  const read = async (): Promise<void> => {
    for await (const _ of later.get(digest, { reuseMemory: true })) continue
  }
  await expect(read()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test.skipIf(process.getuid?.() !== 0)('a full disk is named, and the store stays sound', async () => {
  const root = temporaryFolder()
  mkdirSync(join(root, 'small'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', join(root, 'small')])
  onTestFinished(() => {
    execFileSync('umount', [join(root, 'small')])
  })
  const blobs = open(join(root, 'small'))
  await expect(putBytes(blobs, Buffer.alloc(1_000_000))).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringContaining(join(root, 'small')) as string,
  })
  expect(await blobs.list()).toEqual([])
  const { digest } = await putBytes(blobs, Buffer.from('fits'))
  expect(await blobs.stat(digest)).toBeDefined()
})
