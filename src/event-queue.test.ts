import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { EventQueue } from './event-queue.ts'

async function all<T>(queue: EventQueue<T>): Promise<readonly T[]> {
  const values: T[] = []
  for await (const value of queue) values.push(value)
  return values
}

test('what was pushed before anybody read comes in order, then the end', async () => {
  const queue = new EventQueue<number>()
  for (const value of [1, 2, 3]) queue.push(value)
  queue.close()
  expect(await all(queue)).toEqual([1, 2, 3])
})

test('a reader waits for what is yet to come', async () => {
  const queue = new EventQueue<number>()
  const reading = all(queue)
  for (const value of [1, 2, 3]) {
    await sleep(1)
    queue.push(value)
  }
  queue.close()
  expect(await reading).toEqual([1, 2, 3])
})

test('a reader may be slower than the writer', async () => {
  const queue = new EventQueue<number>()
  const seen: number[] = []
  const reading = (async () => {
    for await (const value of queue) {
      await sleep(2)
      seen.push(value)
    }
  })()
  for (let value = 0; value < 20; value++) {
    queue.push(value)
    if (value % 3 === 0) await sleep(1)
  }
  queue.close()
  await reading
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index))
})

test('what is pushed behind the end is not read', async () => {
  const queue = new EventQueue<number>()
  queue.push(1)
  queue.close()
  queue.push(2)
  expect(await all(queue)).toEqual([1])
})

test('closing wakes a reader who waits', async () => {
  const queue = new EventQueue<number>()
  const reading = all(queue)
  await sleep(1)
  queue.close()
  expect(await reading).toEqual([])
})
