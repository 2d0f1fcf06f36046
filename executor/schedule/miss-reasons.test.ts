import { expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { GraphBuilder, vertexOf } from '../../core/graph.ts'
import type { RunOp } from '../../core/ops.ts'
import { ingredientsOf, missReasons } from './miss-reasons.ts'
import { rootDirectory } from '../tree/tree-reader.ts'
import type { Ingredients } from './records.ts'

type Parts = Partial<Omit<RunOp, 'type'>> & {
  readonly files?: Readonly<Record<string, string>>
  readonly inputs?: Readonly<Record<string, string>>
}

function ingredients({ files = {}, inputs = {}, ...fields }: Parts = {}): Ingredients {
  const op: RunOp = {
    type: 'run',
    argv: ['make'],
    env: [],
    cwd: '/',
    platform: { os: 'linux', architecture: 'amd64' },
    user: '',
    mounts: [],
    secretVariables: [],
    devices: [],
    network: 'default',
    security: 'sandbox',
    hostname: 'h',
    extraHosts: [],
    limits: { shmSizeBytes: undefined, ulimits: [], cgroupParent: undefined },
    unkeyed: { proxyEnv: [], extraHostAddresses: [], cacheNamespace: '' },
    ...fields,
  }
  const builder = new GraphBuilder()
  const id = builder.add(op, [], { name: 'RUN make' })
  const taken = Object.entries(files).map(([path, content]) => ({ path, content, entry: rootDirectory }))
  return ingredientsOf(
    vertexOf(builder.graph(), id),
    digestOf(JSON.stringify([op, files, inputs])),
    Object.entries(inputs).map(([name, key]) => ({ name, key: digestOf(key) })),
    new Map([[1, [{ digest: digestOf('all'), ingredients: taken }]]]),
  )
}

const env = (values: Readonly<Record<string, string>>): Parts => ({
  env: Object.entries(values).map(([name, value]) => ({ name, value })),
})

const cases: Readonly<Record<string, readonly [before: Parts, after: Parts, reasons: readonly string[]]>> = {
  'another command': [{ argv: ['a'] }, { argv: ['b'] }, ['the command changed']],
  'another user and folder': [{}, { user: 'web', cwd: '/srv' }, ['the working directory changed', 'the user changed']],
  'a variable with another value': [env({ V: '1' }), env({ V: '2' }), ['variable V changed']],
  'a variable more and one less': [env({ A: '' }), env({ B: '' }), ['variable A is gone', 'variable B is new']],
  'a file with another content': [{ files: { a: '1' } }, { files: { a: '2' } }, ['a changed']],
  'a file more and one less': [{ files: { a: '' } }, { files: { b: '' } }, ['a is gone', 'b is new']],
  'another mode of the directory that is copied': [{ files: { '': '1' } }, { files: { '': '2' } }, ['. changed']],
  'another base': [{ inputs: { base: '1' } }, { inputs: { base: '2' } }, ['what it builds on changed: base']],
  'an input more': [{}, { inputs: { base: '1' } }, ['it now depends on base']],
  'a field with words of its own': [{ hostname: 'a' }, { hostname: 'b' }, ['the host name changed']],
}

for (const [what, [before, after, reasons]] of Object.entries(cases)) {
  test(`${what}: ${reasons.join('; ')}`, () => {
    expect(missReasons(ingredients(before), ingredients(after))).toEqual(reasons)
  })
}

test('of many files the first are named and the others counted', () => {
  const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, 'x']))
  const reasons = missReasons(ingredients(), ingredients({ files }))
  expect(reasons).toEqual([...['f0', 'f1', 'f2', 'f3', 'f4'].map((name) => `${name} is new`), '4 more files changed'])
})

test('a step that was never done has no reasons', () => {
  expect(missReasons(undefined, ingredients())).toEqual([])
})

test('the same step again was lost by the store', () => {
  expect(missReasons(ingredients(), ingredients())).toEqual(['its result is no longer in the store'])
})

test('values of variables are nowhere in what is kept', () => {
  const kept = JSON.stringify(ingredients(env({ TOKEN: 'hunter2' })))
  expect([kept.includes('TOKEN'), kept.includes('hunter2')]).toEqual([true, false])
})

test('files and variables called as members of every object are no surprise', () => {
  const reasons = missReasons(ingredients(), ingredients({ files: { constructor: 'x' }, ...env({ toString: 'y' }) }))
  expect(reasons).toEqual(['variable toString is new', 'constructor is new'])
})
