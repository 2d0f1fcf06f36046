import { expect, test } from 'vitest'
import type { BuildRequest } from './request.ts'
import { resolveRunSettings, type RunSettings } from './run-settings.ts'

function settings(request: Partial<BuildRequest>, env: Readonly<Record<string, string>> = {}): RunSettings {
  return resolveRunSettings({ context: '.', ...request }, env)
}

test('nothing is allowed, limited or added when nothing is said', () => {
  expect(settings({})).toEqual({
    extraHosts: [],
    limits: { shmSizeBytes: undefined, ulimits: [], cgroupParent: undefined },
    entitlements: new Set(),
    secrets: new Map(),
    agents: new Map(),
  })
})

test('the machine’s network for all steps allows it to each', () => {
  expect([...settings({ network: 'host' }).entitlements]).toEqual(['network.host'])
})

test('host-gateway is this machine', () => {
  expect(settings({ extraHosts: [{ host: 'h', address: 'host-gateway' }] }).extraHosts).toEqual([
    { host: 'h', address: '127.0.0.1' },
  ])
})

test('a limit without a hard one has its soft one twice', () => {
  expect(settings({ ulimits: { nofile: { soft: 10 }, core: { soft: 0, hard: -1 } } }).limits.ulimits).toEqual([
    { name: 'nofile', soft: 10, hard: 10 },
    { name: 'core', soft: 0, hard: -1 },
  ])
})

test('secrets are files, variables or values', () => {
  const secrets = { a: { file: '/f' }, b: { env: 'B' }, c: { value: 'text' }, d: { value: new Uint8Array([0, 255]) } }
  expect([...settings({ secrets }).secrets]).toEqual([
    ['a', { kind: 'file', path: '/f' }],
    ['b', { kind: 'env', name: 'B' }],
    ['c', { kind: 'value', bytes: Buffer.from('text') }],
    ['d', { kind: 'value', bytes: Buffer.from([0, 255]) }],
  ])
})

test('an agent is that of the environment when no other is named', () => {
  const ssh = { default: {}, other: { socket: '/s' }, own: { keys: ['/k', '/l'] } }
  expect([...settings({ ssh }, { SSH_AUTH_SOCK: '/run/agent' }).agents]).toEqual([
    ['default', { kind: 'socket', path: '/run/agent' }],
    ['other', { kind: 'socket', path: '/s' }],
    ['own', { kind: 'keys', paths: ['/k', '/l'] }],
  ])
})

const wrong: Readonly<Record<string, Partial<BuildRequest>>> = {
  'an entitlement that is none': { allow: ['network.hots'] },
  'a host without an address': { extraHosts: [{ host: 'h', address: '' }] },
  'an address that is none': { extraHosts: [{ host: 'h', address: '10.0.0.256' }] },
  'a host name that begins a line of its own': { extraHosts: [{ host: 'a\n10.0.0.1 b', address: '10.0.0.1' }] },
  'a limit that is none': { ulimits: { files: { soft: 1 } } },
  'a soft limit above the hard one': { ulimits: { nofile: { soft: 2, hard: 1 } } },
  'no soft limit below a hard one': { ulimits: { nofile: { soft: -1, hard: 1 } } },
  'half a limit': { ulimits: { nofile: { soft: 0.5 } } },
  'a secret that is nowhere': { secrets: { s: { file: '' } } },
  'a secret without an id': { secrets: { '': { env: 'X' } } },
  'an agent where there is none': { ssh: { default: {} } },
  'an agent without keys': { ssh: { default: { keys: [] } } },
  'a control group outside': { cgroupParent: '../x' },
  'the root of control groups': { cgroupParent: '/.' },
  'a /dev/shm of no size': { shmSizeBytes: 0 },
}

for (const [what, request] of Object.entries(wrong)) {
  test(`${what} is refused`, () => {
    expect(() => settings(request)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }) as Error)
  })
}
