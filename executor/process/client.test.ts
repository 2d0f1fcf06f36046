import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { startExecutor, type Executor } from './client.ts'
import type { DigestCall, RunCall } from './protocol.ts'

/** A program in the executor's place. `on(name, act)` says how it answers. */
function program(body: string): string {
  const script = join(temporaryFolder(), 'executor.mjs')
  const prelude = `
    const acts = {}
    const on = (name, act) => (acts[name] = act)
    const send = (message) => process.send(message)
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    process.on('disconnect', () => process.exit(0))
    process.on('message', (message) => acts[message.name ?? message.type]?.(message))
  `
  writeFileSync(script, `${prelude}\n${body}`)
  return script
}

async function start(body: string, signal = new AbortController().signal): Promise<Executor> {
  const executor = await startExecutor({ script: program(`${body}\nsend({ type: 'ready' })`), owner: 'test', signal })
  onTestFinished(() => executor[Symbol.asyncDispose]())
  return executor
}

/** What is asked does not matter to the programs here. */
const nothing = {} as DigestCall
const aRun = { op: { limits: {} } } as RunCall

/** Processes that were started with the text on their command line. */
function processesWith(text: string): readonly { readonly pid: number; readonly args: string }[] {
  const lines = execFileSync('ps', ['-ww', '-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .filter((line) => line.includes(text))
    .map((line) => ({ pid: parseInt(line, 10), args: line.trim().replace(/^\d+ +/, '') }))
}

test('each answer is given to the call that asked, whatever their order', async () => {
  const executor = await start(`
    const ids = []
    on('digestSelection', ({ id }) => {
      ids.push(id)
      if (ids.length === 2) for (const id of ids.reverse()) send({ type: 'result', id, value: 'answer ' + id })
    })
  `)
  const calls = [executor.call('digestSelection', nothing), executor.call('digestSelection', nothing)]
  expect(await Promise.all(calls)).toEqual(['answer 1', 'answer 2'])
})

test('a failure keeps its code and its hint', async () => {
  const executor = await start(`
    const error = { kind: 'build', code: 'COPY_SOURCE_MISSING', message: 'no such file', hint: 'Look again.' }
    on('digestSelection', ({ id }) => send({ type: 'error', id, error }))
  `)
  await expect(executor.call('digestSelection', nothing)).rejects.toMatchObject({
    code: 'COPY_SOURCE_MISSING',
    message: 'no such file',
    hint: 'Look again.',
  })
})

test('output comes in order, and all of it before the result', async () => {
  const executor = await start(`
    on('run', ({ id }) => {
      for (let n = 0; n < 100; n++)
        send({ type: 'output', id, stream: n % 2 ? 'stderr' : 'stdout', chunk: Buffer.from(n + ' ') })
      send({ type: 'result', id })
    })
  `)
  let text = ''
  await executor.call('run', aRun, { onOutput: (_, chunk) => (text += Buffer.from(chunk).toString()) })
  expect(text.trim().split(' ')).toEqual(Array.from({ length: 100 }, (_, index) => String(index)))
})

test('a run that is aborted ends when its process has, with the reason of the signal', async () => {
  const executor = await start(`
    let running
    on('run', ({ id }) => (running = id))
    on('cancel', async ({ id }) => {
      await sleep(100)
      send({ type: 'error', id, error: { kind: 'bug', message: 'canceled ' + (id === running) } })
    })
  `)
  const controller = new AbortController()
  const started = performance.now()
  const run = executor.call('run', aRun, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(run).rejects.toThrow('enough')
  expect(performance.now() - started).toBeGreaterThan(90)
})

test('other work that is aborted is not waited for', async () => {
  const executor = await start('')
  const controller = new AbortController()
  const call = executor.call('digestSelection', nothing, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
})

test('a call that is aborted before it begins is not made', async () => {
  const executor = await start("on('run', () => process.exit(9))")
  await expect(executor.call('run', aRun, { signal: AbortSignal.abort(new Error('early')) })).rejects.toThrow('early')
  await expect(Promise.race([executor.call('digestSelection', nothing), sleep(200, 'alive')])).resolves.toBe('alive')
})

test('when the process dies, every call fails, and says what it said last', async () => {
  const executor = await start(`
    on('run', () => {})
    on('digestSelection', () => { console.error('Error: out of luck'); process.exit(7) })
  `)
  const calls = [executor.call('run', aRun), executor.call('digestSelection', nothing)]
  for (const { status, reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
    expect({ status, reason: reason as unknown }).toMatchObject({
      status: 'rejected',
      reason: { code: 'EXECUTOR_DIED', message: expect.stringMatching(/status 7\n.*out of luck/s) as unknown },
    })
  }
})

test('a process that is killed fails its calls', async () => {
  const script = program("send({ type: 'ready' })")
  const executor = await startExecutor({ script, owner: 'test', signal: new AbortController().signal })
  const run = executor.call('run', aRun)
  const child = processesWith(script).find(({ args }) => args.startsWith(process.execPath))
  process.kill(child?.pid ?? NaN, 'SIGKILL')
  await expect(run).rejects.toMatchObject({ code: 'EXECUTOR_DIED' })
})

test('a call to a process that has died fails at once', async () => {
  const executor = await start("on('run', () => process.exit(1))")
  await expect(executor.call('run', aRun)).rejects.toMatchObject({ code: 'EXECUTOR_DIED' })
  await expect(executor.call('run', aRun)).rejects.toMatchObject({ code: 'EXECUTOR_DIED' })
})

test('disposing ends the process', async () => {
  const script = program("send({ type: 'ready' })")
  const executor = await startExecutor({ script, owner: 'test', signal: new AbortController().signal })
  expect(processesWith(script)).not.toEqual([])
  await executor[Symbol.asyncDispose]()
  expect(processesWith(script)).toEqual([])
})

test('a call that disposing cuts short fails', async () => {
  const executor = await start("on('run', () => {})")
  const run = executor.call('run', aRun)
  await Promise.all([expect(run).rejects.toMatchObject({ code: 'EXECUTOR_DIED' }), executor[Symbol.asyncDispose]()])
})

test('a process that cannot start says why', async () => {
  const script = program("throw new Error('nothing works here')")
  const starting = startExecutor({ script, owner: 'test', signal: new AbortController().signal })
  await expect(starting).rejects.toMatchObject({
    code: 'EXECUTOR_DIED',
    message: expect.stringContaining('nothing works here') as unknown,
  })
})

test('a process that never gets ready can be aborted, and is gone then', async () => {
  const script = program('setInterval(() => {}, 1000)')
  const controller = new AbortController()
  const starting = startExecutor({ script, owner: 'test', signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 500)
  await expect(starting).rejects.toThrow('enough')
  expect(processesWith(script)).toEqual([])
})
