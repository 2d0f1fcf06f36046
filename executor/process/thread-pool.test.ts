import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { ThreadPool } from './thread-pool.ts'

/** Threads that evaluate what they are sent: an expression that gives an answer, or a promise of one. */
function openPool(size: number): { startAll(): void; evaluate(expression: string): Promise<unknown> } {
  const script = join(temporaryFolder(), 'thread.mjs')
  writeFileSync(
    script,
    `import { parentPort, threadId } from 'node:worker_threads'
     const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
     parentPort.on('message', async ({ request }) => parentPort.postMessage(await eval(request)))`,
  )
  const pool = new ThreadPool(pathToFileURL(script), size)
  return { startAll: () => pool.startAll(), evaluate: (expression) => pool.call('pack', expression) }
}

const threadId = "({ type: 'result', value: threadId })"

test('an answer is given to the call that asked', async () => {
  const pool = openPool(2)
  const answers = ["sleep(50).then(() => ({ type: 'result', value: 'slow' }))", "({ type: 'result', value: 'quick' })"]
  expect(await Promise.all(answers.map((answer) => pool.evaluate(answer)))).toEqual(['slow', 'quick'])
})

test('a thread is used again', async () => {
  const pool = openPool(2)
  expect(await pool.evaluate(threadId)).toBe(await pool.evaluate(threadId))
})

test('no more threads are started than were allowed', async () => {
  const pool = openPool(2)
  const busy = `sleep(20).then(() => ${threadId})`
  expect(new Set(await Promise.all(Array.from({ length: 6 }, () => pool.evaluate(busy)))).size).toBe(2)
})

test('threads that were started before there was work are those that do it', async () => {
  const pool = openPool(2)
  pool.startAll()
  const busy = `sleep(20).then(() => ${threadId})`
  const ids = (): Promise<unknown[]> => Promise.all(Array.from({ length: 4 }, () => pool.evaluate(busy)))
  const first = new Set(await ids())
  pool.startAll()
  expect([first.size, new Set([...first, ...(await ids())]).size]).toEqual([2, 2])
})

test('a failure has the code that it had in the thread, and the thread goes on', async () => {
  const pool = openPool(1)
  const failure = "({ type: 'error', error: { kind: 'build', code: 'COPY_CONFLICT', message: 'no', hint: undefined } })"
  await expect(pool.evaluate(failure)).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
  expect(await pool.evaluate("({ type: 'result', value: 1 })")).toBe(1)
})

test('a thread that throws fails its call, and the next call gets another thread', async () => {
  const pool = openPool(1)
  await expect(pool.evaluate("setTimeout(() => { throw new Error('lost') }); sleep(1000)")).rejects.toThrow('lost')
  expect(await pool.evaluate("({ type: 'result', value: 'alive' })")).toBe('alive')
})

test('a thread that ends without a word fails its call', async () => {
  await expect(openPool(1).evaluate('process.exit(3)')).rejects.toThrow('a thread ended with status 3')
})

test('a call that waits for a thread that dies gets another', async () => {
  const pool = openPool(1)
  const dying = pool.evaluate('sleep(20).then(() => process.exit(1))')
  const waiting = pool.evaluate("({ type: 'result', value: 'served' })")
  await expect(dying).rejects.toThrow()
  expect(await waiting).toBe('served')
})

test('a request that cannot be sent fails its call only', async () => {
  const pool = openPool(1)
  await expect(pool.evaluate((() => undefined) as unknown as string)).rejects.toThrow('could not be cloned')
  expect(await pool.evaluate("({ type: 'result', value: 1 })")).toBe(1)
})
