import { expect, test } from 'vitest'
import { parseHost, parseSize, parseUlimits } from './parse-run-options.ts'

test.each([
  ['db=10.0.0.1', { host: 'db', address: '10.0.0.1' }],
  ['db:10.0.0.1', { host: 'db', address: '10.0.0.1' }],
  ['db=fd00::1', { host: 'db', address: 'fd00::1' }],
  ['db:fd00::1', { host: 'db', address: 'fd00::1' }],
  ['db:[fd00::1]', { host: 'db', address: 'fd00::1' }],
  ['db:host-gateway', { host: 'db', address: 'host-gateway' }],
])('the host %s is read', (text, host) => {
  expect(parseHost(text)).toEqual(host)
})

test.each(['db', '=10.0.0.1', ''])('the host %j cannot be read', (text) => {
  expect(() => parseHost(text)).toThrow('Cannot read --add-host')
})

test('sizes are in powers of 1024', () => {
  expect([parseSize('--shm-size', '2m'), parseSize('--shm-size', '1024')]).toEqual([2_097_152, 1024])
  expect(() => parseSize('--shm-size', 'much')).toThrow('Cannot read --shm-size "much"')
})

test('of limits that are given twice the last counts', () => {
  expect(parseUlimits(['nofile=1:2', 'core=-1', 'nofile=3'])).toEqual({
    nofile: { soft: 3, hard: undefined },
    core: { soft: -1, hard: undefined },
  })
})

test.each(['nofile', 'nofile=', 'nofile=a', 'nofile=1:', '=1'])('the limit %j cannot be read', (text) => {
  expect(() => parseUlimits([text])).toThrow('Cannot read --ulimit')
})
