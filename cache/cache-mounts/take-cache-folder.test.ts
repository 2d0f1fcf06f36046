import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openStore, type Store } from '../store.ts'
import { takeCacheFolder } from './take-cache-folder.ts'

const signal = new AbortController().signal

/** Two uses of one store, as two processes have it. */
function twoStores(): readonly [Store, Store] {
  const home = temporaryFolder()
  return [openStore(home), openStore(home)]
}

async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => false), sleep(200).then(() => true)])
}

test('an id is a directory, whatever is in the id', async () => {
  const [store] = twoStores()
  await using a = await takeCacheFolder(store, '/../../etc', 'shared', signal)
  await using b = await takeCacheFolder(store, '/root/.cache', 'shared', signal)
  expect(a.path).not.toBe(b.path)
  for (const { path } of [a, b]) expect(dirname(dirname(path))).toBe(store.cachesFolder)
})

test('who shares a directory has it at the same time, whichever process they are in', async () => {
  const [store, other] = twoStores()
  await using a = await takeCacheFolder(store, 'c', 'shared', signal)
  await using b = await takeCacheFolder(store, 'c', 'shared', signal)
  await using c = await takeCacheFolder(other, 'c', 'shared', signal)
  expect([b.path, c.path]).toEqual([a.path, a.path])
})

test('who wants a directory alone waits for all others, and others for them, in order', async () => {
  const [store, other] = twoStores()
  const first = await takeCacheFolder(store, 'c', 'shared', signal)
  const alone = takeCacheFolder(other, 'c', 'locked', signal)
  expect(await isWaiting(alone)).toBe(true)
  const late = takeCacheFolder(store, 'c', 'shared', signal)
  expect(await isWaiting(late)).toBe(true)
  await first[Symbol.asyncDispose]()
  const second = await alone
  expect(await isWaiting(late)).toBe(true)
  await second[Symbol.asyncDispose]()
  expect((await late).path).toBe(second.path)
})

test('waiting ends when it is canceled', async () => {
  const [store, other] = twoStores()
  await using _held = await takeCacheFolder(store, 'c', 'locked', signal)
  const controller = new AbortController()
  const waiting = takeCacheFolder(other, 'c', 'locked', controller.signal)
  const outcome = expect(waiting).rejects.toThrow('enough')
  controller.abort(new Error('enough'))
  await outcome
})

test('who shares nothing gets a directory that nobody has, and an earlier one again when it is free', async () => {
  const [store, other] = twoStores()
  const a = await takeCacheFolder(store, 'c', 'private', signal)
  const b = await takeCacheFolder(other, 'c', 'private', signal)
  const c = await takeCacheFolder(store, 'c', 'private', signal)
  expect([a, b, c].map(({ path }) => basename(path))).toEqual(['0', '1', '2'])
  await b[Symbol.asyncDispose]()
  expect((await takeCacheFolder(store, 'c', 'private', signal)).path).toBe(b.path)
})

test('many who share nothing and come at once get one each', async () => {
  const [store, other] = twoStores()
  const taken = await Promise.all(
    Array.from({ length: 10 }, (_, index) => takeCacheFolder(index % 2 === 0 ? store : other, 'c', 'private', signal)),
  )
  expect(new Set(taken.map(({ path }) => path)).size).toBe(10)
})

test('a directory is free again when the process that had it is gone', async () => {
  const [store, other] = twoStores()
  await takeCacheFolder(store, 'c', 'locked', signal)
  await store[Symbol.asyncDispose]()
  await using _next = await takeCacheFolder(other, 'c', 'locked', signal)
})
