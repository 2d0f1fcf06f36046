import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openStore } from '../../cache/store.ts'
import { digestOf } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { BuildEvent } from '../../core/events.ts'
import { GraphBuilder, type VertexId } from '../../core/graph.ts'
import type { RunOp } from '../../core/ops.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { CallIo, Executor } from '../process/client.ts'
import type { CallName, CallRequest, CallResult, PackCall, RunCall } from '../process/protocol.ts'
import { ContextFolders } from '../sources/context-folders.ts'
import { Solver } from './solver.ts'

function runOp(command: string): RunOp {
  return {
    type: 'run',
    argv: [command],
    env: [],
    cwd: '/',
    platform: { os: 'linux', architecture: 'amd64' },
    user: '',
    mounts: [],
    secretVariables: [],
    devices: [],
    network: 'default',
    security: 'sandbox',
    hostname: 'test',
    extraHosts: [],
    limits: { shmSizeBytes: undefined, ulimits: [], cgroupParent: undefined },
    unkeyed: { proxyEnv: [], extraHostAddresses: [], cacheNamespace: '' },
  }
}

type Behave = (command: string, io: CallIo) => Promise<string>

/** Carries out steps by a function of the command's name: it gives the content of the step's layer. */
class FakeExecutor implements Executor {
  readonly commands: string[] = []
  readonly #behave: Behave
  running = 0
  mostAtOnce = 0

  constructor(behave: Behave) {
    this.#behave = behave
  }

  async call<Name extends CallName>(
    name: Name,
    request: CallRequest<Name>,
    io: CallIo = {},
  ): Promise<CallResult<Name>> {
    if (name === 'run') await this.#run(request as unknown as RunCall, io)
    if (name !== 'pack') return undefined as CallResult<Name>
    const { folder } = request as unknown as PackCall
    const diffId = digestOf(readFileSync(join(folder, 'content')))
    return { diffId, digest: diffId, sizeBytes: 0 } as CallResult<Name>
  }

  async #run({ op, layer }: RunCall, io: CallIo): Promise<void> {
    const [command = ''] = op.argv
    this.commands.push(command)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running)
    try {
      const content = await this.#behave(command, io)
      mkdirSync(layer)
      writeFileSync(join(layer, 'content'), content)
    } finally {
      this.running--
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

interface Bench {
  readonly executor: FakeExecutor
  readonly events: BuildEvent[]
  solve(build: (graph: GraphBuilder) => VertexId, signal?: AbortSignal): Promise<unknown>
}

/** @param context the build context, absolute */
function bench(
  behave: Behave = (command) => Promise.resolve(command),
  home = temporaryFolder(),
  context = temporaryFolder(),
): Bench {
  const executor = new FakeExecutor(behave)
  const events: BuildEvent[] = []
  return {
    executor,
    events,
    async solve(build, signal = new AbortController().signal) {
      await using store = openStore(home)
      const graph = new GraphBuilder()
      const target = build(graph)
      const solver = new Solver(graph.graph(), {
        store,
        contexts: new ContextFolders(new Map([['context', { path: context, isLasting: true }]]), store.facts),
        executor: () => Promise.resolve(executor),
        prepareSandbox: () => Promise.resolve(),
        warmUp: () => undefined,
        warmUpCopies: () => undefined,
        checkPlatform: () => undefined,
        treeOfImage: () => Promise.resolve([]),
        fetchBlob: () => Promise.resolve(),
        fetchSource: () => Promise.reject(new Error('there is nothing to fetch')),
        provisions: {
          findSecret: () => Promise.resolve(undefined),
          findAgent: () => Promise.resolve(undefined),
          findDevices: () => Promise.resolve([]),
        },
        emit: (event) => events.push(event),
        now: () => 0,
        signal,
        scope: 'test',
        packEarly: [],
      })
      const [tree = []] = await solver.solve([target])
      return tree
    },
  }
}

/** A vertex for each command, each on the one before. */
function chain(graph: GraphBuilder, ...commands: readonly string[]): VertexId {
  return commands.reduce<VertexId>(
    (below, command) => graph.add(runOp(command), [below], { name: command }),
    graph.add({ type: 'scratch' }, [], { name: 'scratch' }),
  )
}

/** All branches stacked, as COPY --link does. */
function stack(graph: GraphBuilder, ...branches: readonly VertexId[]): VertexId {
  return graph.add({ type: 'merge' }, [chain(graph), ...branches], { name: 'join' })
}

test('a step waits for the step below it', async () => {
  const at = bench(() => sleep(10, 'content'))
  await at.solve((graph) => chain(graph, 'one', 'two', 'three'))
  expect(at.executor.commands).toEqual(['one', 'two', 'three'])
  expect(at.executor.mostAtOnce).toBe(1)
})

test('steps that do not need each other run at the same time', async () => {
  const at = bench(() => sleep(100, 'content'))
  await at.solve((graph) => stack(graph, chain(graph, 'left'), chain(graph, 'right')))
  expect(at.executor.mostAtOnce).toBe(2)
})

test('an equal step that two others need runs once', async () => {
  const at = bench()
  await at.solve((graph) => stack(graph, chain(graph, 'shared', 'left'), chain(graph, 'shared', 'right')))
  expect(at.executor.commands.filter((command) => command === 'shared')).toHaveLength(1)
})

test('what the target does not need is not carried out', async () => {
  const at = bench()
  await at.solve((graph) => {
    chain(graph, 'unneeded')
    return chain(graph, 'needed')
  })
  expect(at.executor.commands).toEqual(['needed'])
})

test('the first failure stops the others, is waited out, and is thrown', async () => {
  const stopped: string[] = []
  const at = bench(async (command, { signal }) => {
    if (command === 'broken') throw await sleep(20, new BuildError('RUN_FAILED', 'it broke'))
    return new Promise((_, reject) => {
      signal?.addEventListener(
        'abort',
        () =>
          void sleep(50).then(() => {
            stopped.push(command)
            reject(signal.reason as Error)
          }),
      )
    })
  })
  const solving = at.solve((graph) => stack(graph, chain(graph, 'slow'), chain(graph, 'broken')))
  await expect(solving).rejects.toThrow('it broke')
  expect(stopped).toEqual(['slow'])
  expect(at.executor.running).toBe(0)
})

test('a failure is thrown also when the records of what was done cannot be written', async () => {
  const home = temporaryFolder()
  const at = bench((command) => {
    if (command !== 'broken') return Promise.resolve(command)
    writeFileSync(join(home, 'v1/facts'), '')
    return Promise.reject(new BuildError('RUN_FAILED', 'it broke'))
  }, home)
  await expect(at.solve((graph) => chain(graph, 'whole', 'broken'))).rejects.toThrow('it broke')
})

test('a record that cannot be written fails the build, whatever else is done by then', async () => {
  const home = temporaryFolder()
  const at = bench((command) => {
    writeFileSync(join(home, 'v1/facts'), '')
    return Promise.resolve(command)
  }, home)
  await expect(at.solve((graph) => chain(graph, 'only'))).rejects.toThrow('v1/facts')
})

test('a step that waits for another build to do it finds the record of that', async () => {
  const home = temporaryFolder()
  const [first, second] = [bench((command) => sleep(20, command), home), bench((command) => sleep(20, command), home)]
  const solveOn = (at: typeof first): Promise<unknown> => at.solve((graph) => chain(graph, 'once'))
  await Promise.all([solveOn(first), solveOn(second)])
  expect([...first.executor.commands, ...second.executor.commands]).toEqual(['once'])
})

test('an abort from outside ends with its own reason', async () => {
  const at = bench(
    (_, { signal }) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
  )
  const outside = new AbortController()
  const solving = at.solve((graph) => chain(graph, 'endless'), outside.signal)
  setTimeout(() => outside.abort(new BuildError('CANCELED', 'enough')), 30)
  await expect(solving).rejects.toMatchObject({ code: 'CANCELED', message: 'enough' })
})

test('a step that was done before is taken from its record', async () => {
  const home = temporaryFolder()
  await bench(undefined, home).solve((graph) => chain(graph, 'one', 'two'))
  const again = bench(undefined, home)
  await again.solve((graph) => chain(graph, 'one', 'two'))
  expect(again.executor.commands).toEqual([])
  expect(again.events.filter(({ type }) => type === 'vertex-finished')).toMatchObject([
    { outcome: { kind: 'cached', by: 'definition' } },
    { outcome: { kind: 'cached', by: 'definition' } },
  ])
})

test('a step on a changed step with the same result is found by its content', async () => {
  const home = temporaryFolder()
  await bench(() => Promise.resolve('same'), home).solve((graph) => chain(graph, 'one', 'two'))
  const again = bench(() => Promise.resolve('same'), home)
  await again.solve((graph) => chain(graph, 'another one', 'two'))
  expect(again.executor.commands).toEqual(['another one'])
})

test('below a step that was built without the cache, an old result does not count', async () => {
  const home = temporaryFolder()
  const build = (graph: GraphBuilder): VertexId => {
    const fresh = graph.add(runOp('fresh'), [chain(graph)], { name: 'fresh', ignoreCache: true })
    return graph.add(runOp('after'), [fresh], { name: 'after' })
  }
  await bench(() => Promise.resolve('first'), home).solve(build)
  const again = bench((command) => Promise.resolve(command === 'fresh' ? 'second' : 'x'), home)
  await again.solve(build)
  expect(again.executor.commands).toEqual(['fresh', 'after'])
})

test('a step that missed says what changed in it since it was last done', async () => {
  const home = temporaryFolder()
  const build = (value: string) => (graph: GraphBuilder) =>
    graph.add({ ...runOp('make'), env: [{ name: 'VERSION', value }] }, [chain(graph)], { name: 'make' })
  await bench(undefined, home).solve(build('1'))
  const again = bench(undefined, home)
  await again.solve(build('2'))
  expect(again.events.find(({ type }) => type === 'vertex-missed')).toMatchObject({
    reasons: ['variable VERSION changed'],
  })
})

test('a failure is told as the context’s where that changed under the step, and stays what it is where not', async () => {
  const context = temporaryFolder()
  const file = join(context, 'file')
  writeFileSync(file, 'before')
  const build = (command: string) => (graph: GraphBuilder) => {
    const scratch = graph.add({ type: 'scratch' }, [], { name: 'scratch' })
    const op = { type: 'context', name: 'context', ignore: [], unkeyed: { ignoreFile: undefined } } as const
    const files = graph.add(op, [], { name: 'context' })
    const mount = { kind: 'bind', target: '/m', from: 1, source: '/', readOnly: true } as const
    return graph.add({ ...runOp(command), mounts: [mount] }, [scratch, files], { name: command })
  }
  const fail = (command: string): Promise<string> => {
    if (command === 'change') writeFileSync(file, 'a longer text')
    return Promise.reject(new Error('it has gone'))
  }
  const start = (command: string) => bench(fail, undefined, context).solve(build(command))
  await expect(start('leave')).rejects.toThrow('it has gone')
  await expect(start('change')).rejects.toMatchObject({
    code: 'CONTEXT_INVALID',
    message: `Cannot read the context ${context}: it changed meanwhile`,
  })
})
