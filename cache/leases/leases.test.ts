import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { lockKey, openLease, reapStale } from './index.ts'
import { fateOf, findOwner, formatOwner, thisProcess, type Owner } from './owner.ts'

test('an owner is read back from its name, and this process is alive', () => {
  const owner = thisProcess()
  expect(findOwner(formatOwner(owner))).toEqual(owner)
  expect(fateOf(owner)).toBe('alive')
  expect(findOwner('something else')).toBeUndefined()
})

test.each<[string, Partial<Owner>, string]>([
  ['whose process started at another time', { startedAtTicks: '1' }, 'gone'],
  ['whose pid is free', { pid: 4_000_000 }, 'gone'],
  ['of an earlier boot', { boot: 'f'.repeat(32) }, 'gone'],
  ['of another pid namespace', { pidNamespace: '17' }, 'unknown'],
])('an owner %s is %s', (_, change, fate) => {
  expect(fateOf({ ...thisProcess(), ...change })).toBe(fate)
})

test('a lease has a folder, which is gone when it is disposed of', async () => {
  const root = temporaryFolder()
  const lease = openLease(root)
  const folder = await lease.makeFolder('snapshot')
  writeFileSync(join(folder, 'file'), 'unfinished')
  expect(await reapStale(root)).toEqual([])
  expect(existsSync(folder)).toBe(true)
  await lease[Symbol.asyncDispose]()
  expect(readdirSync(join(root, 'tmp'))).toEqual([])
})

test('newPath() gives each caller a path of its own in the folder, and makes nothing', async () => {
  await using lease = openLease(temporaryFolder())
  const paths = [lease.newPath('layer'), lease.newPath('layer')]
  expect(new Set(paths).size).toBe(2)
  expect(paths.map((path) => dirname(path))).toEqual([lease.path, lease.path])
  expect(readdirSync(lease.path)).toEqual([])
})

test('reapStale() is content with a store that has never been used', async () => {
  expect(await reapStale(join(temporaryFolder(), 'nowhere'))).toEqual([])
})

test('reapStale() removes what a killed process left, and keeps what live ones hold', async () => {
  const root = temporaryFolder()
  await using lease = openLease(root)
  const killed = await startHolder(root, 'some key')
  expect(readdirSync(join(root, 'tmp'))).toHaveLength(2)
  expect(await reapStale(root)).toEqual([])
  await kill(killed)
  expect(readdirSync(join(root, 'locks'))).toHaveLength(1)
  expect(await reapStale(root)).toHaveLength(1)
  expect(readdirSync(join(root, 'locks'))).toEqual([])
  expect(readdirSync(join(root, 'tmp'))).toEqual([lease.owner])
})

test('reapStale() removes the folder of another pid namespace only when it was untouched for a day', async () => {
  const root = temporaryFolder()
  const path = join(root, 'tmp', formatOwner({ ...thisProcess(), pidNamespace: '17' }))
  mkdirSync(path, { recursive: true })
  expect(await reapStale(root)).toEqual([])
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000)
  utimesSync(path, yesterday, yesterday)
  expect(await reapStale(root)).toEqual([path])
})

test('lockKey() lets one holder in at a time, in the order in which they came', async () => {
  const root = temporaryFolder()
  await using lease = openLease(root)
  const order: number[] = []
  let inside = 0
  const first = await lockKey(root, 'key', lease)
  const others = [1, 2, 3].map(async (number) => {
    await sleep(number * 30)
    await using lock = await lockKey(root, 'key', lease)
    expect(lock.key).toBe('key')
    inside += 1
    expect(inside).toBe(1)
    await sleep(5)
    order.push(number)
    inside -= 1
  })
  await sleep(150)
  expect(order).toEqual([])
  await first[Symbol.asyncDispose]()
  await Promise.all(others)
  expect(order).toEqual([1, 2, 3])
  expect(readdirSync(join(root, 'locks'))).toEqual([])
})

test('lockKey() does not make one key wait for another', async () => {
  const root = temporaryFolder()
  await using lease = openLease(root)
  await using a = await lockKey(root, 'a', lease)
  await using b = await lockKey(root, 'b', lease)
  expect([a.key, b.key]).toEqual(['a', 'b'])
})

test('lockKey() gives up with the reason of its signal, and leaves no ticket', async () => {
  const root = temporaryFolder()
  await using lease = openLease(root)
  await using held = await lockKey(root, 'key', lease)
  expect(held.key).toBe('key')
  const controller = new AbortController()
  const reason = new Error('the build was stopped')
  setTimeout(() => controller.abort(reason), 20)
  await expect(lockKey(root, 'key', lease, controller.signal)).rejects.toBe(reason)
  expect(readdirSync(join(root, 'locks'))).toHaveLength(1)
})

test('lockKey() takes over from a lease that is over', async () => {
  const root = temporaryFolder()
  const over = openLease(root)
  await lockKey(root, 'key', over)
  await over[Symbol.asyncDispose]()
  await using lease = openLease(root)
  await using lock = await lockKey(root, 'key', lease)
  expect(lock.key).toBe('key')
})

test('lockKey() waits for another process, and takes over when that is killed', async () => {
  const root = temporaryFolder()
  const holder = await startHolder(root, 'key')
  await using lease = openLease(root)
  await expect(lockKey(root, 'key', lease, AbortSignal.timeout(100))).rejects.toThrow(/timeout/)
  await kill(holder)
  await using lock = await lockKey(root, 'key', lease)
  expect(lock.key).toBe('key')
})

test('many processes that are killed and started over never hold one key together', async () => {
  const root = temporaryFolder()
  const counter = join(root, 'counter')
  const script = `
    import { mkdirSync, rmdirSync } from 'node:fs'
    await using lease = openLease(root)
    for (let i = 0; i < 15; i++) {
      await using lock = await lockKey(root, 'key', lease)
      mkdirSync(${JSON.stringify(counter)})
      rmdirSync(${JSON.stringify(counter)})
    }
    console.log('done')`
  const bundle = await bundleScript(root, script)
  const holder = await startHolder(root, 'key')
  const dying = [holder, await startWaiter(root, 'key'), await startWaiter(root, 'key')]
  const workers = [1, 2, 3, 4].map(() => run(bundle))
  for (const child of dying) {
    await sleep(100)
    await kill(child)
  }
  expect(await Promise.all(workers)).toEqual([0, 0, 0, 0])
})

async function startHolder(root: string, key: string): Promise<ChildProcess> {
  return start(
    root,
    `await using lease = openLease(root)
    await using lock = await lockKey(root, ${JSON.stringify(key)}, lease)
    console.log('held')
    setInterval(() => {}, 1000)
    await new Promise(() => {})`,
  )
}

async function startWaiter(root: string, key: string): Promise<ChildProcess> {
  return start(
    root,
    `await using lease = openLease(root)
    setInterval(() => {}, 1000)
    const waiting = lockKey(root, ${JSON.stringify(key)}, lease)
    console.log('waiting')
    await waiting
    await new Promise(() => {})`,
  )
}

/** Resolves once the script has printed something. */
async function start(root: string, script: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [await bundleScript(root, script)], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => kill(child))
  await once(child.stdout, 'data')
  return child
}

async function run(bundle: string): Promise<number | null> {
  const child = spawn(process.execPath, [bundle], { stdio: ['ignore', 'ignore', 'inherit'] })
  onTestFinished(() => kill(child))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

let bundles = 0

async function bundleScript(root: string, script: string): Promise<string> {
  bundles += 1
  const outfile = join(root, `script-${bundles}.mjs`)
  const face = join(import.meta.dirname, 'index.ts')
  const contents = `import { lockKey, openLease } from ${JSON.stringify(face)}
    const root = ${JSON.stringify(root)}
    ${script}`
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
  })
  return outfile
}
