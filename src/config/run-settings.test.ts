import { expect, test } from 'vitest'
import type { BuildRequest } from './request.ts'
import { resolveRunSettings, type RunSettings } from './run-settings.ts'

function settings(request: Partial<BuildRequest>): RunSettings {
  return resolveRunSettings({ context: '.', ...request })
}

test('nothing is allowed, limited or added when nothing is said', () => {
  expect(settings({})).toEqual({
    extraHosts: [],
    limits: { shmSizeBytes: undefined, ulimits: [] },
    entitlements: new Set(),
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

const wrong: Readonly<Record<string, Partial<BuildRequest>>> = {
  'an entitlement that is none': { allow: ['network.hots'] },
  'a host without an address': { extraHosts: [{ host: 'h', address: '' }] },
  'an address that is none': { extraHosts: [{ host: 'h', address: '10.0.0.256' }] },
  'a host name that begins a line of its own': { extraHosts: [{ host: 'a\n10.0.0.1 b', address: '10.0.0.1' }] },
  'a limit that is none': { ulimits: { files: { soft: 1 } } },
  'a soft limit above the hard one': { ulimits: { nofile: { soft: 2, hard: 1 } } },
  'no soft limit below a hard one': { ulimits: { nofile: { soft: -1, hard: 1 } } },
  'half a limit': { ulimits: { nofile: { soft: 0.5 } } },
  'a /dev/shm of no size': { shmSizeBytes: 0 },
}

for (const [what, request] of Object.entries(wrong)) {
  test(`${what} is refused`, () => {
    expect(() => settings(request)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }) as Error)
  })
}
