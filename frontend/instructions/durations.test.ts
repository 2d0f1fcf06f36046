import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findDuration, formatDuration } from './durations.ts'
import '../../test/support/fixed-seed.ts'

test.each([
  ['0', 0],
  ['5s', 5e9],
  ['1h15m30.5s', 4530.5e9],
  ['1.5ms', 1.5e6],
  ['100us', 1e5],
  ['3µs', 3e3],
  ['.5s', 5e8],
  ['-1s', -1e9],
  ['7ns', 7],
])('findDuration() reads %s', (text, nanoseconds) => {
  expect(findDuration(text)).toBe(nanoseconds)
})

test.each(['', '5', 's', '1 s', '1d', '1s1', '--1s', '1.2.3s'])('findDuration() refuses %j', (text) => {
  expect(findDuration(text)).toBeUndefined()
})

test.each([
  [0, '0s'],
  [7, '7ns'],
  [1500, '1.5µs'],
  [1.25e6, '1.25ms'],
  [5e9, '5s'],
  [90.5e9, '1m30.5s'],
  [3600e9, '1h0m0s'],
  [86400e9 + 1, '24h0m0.000000001s'],
])('formatDuration() writes %d as %s', (nanoseconds, text) => {
  expect(formatDuration(nanoseconds)).toBe(text)
})

test('what formatDuration() writes, findDuration() reads', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (nanoseconds) => {
      expect(Math.abs((findDuration(formatDuration(nanoseconds)) ?? -9) - nanoseconds)).toBeLessThanOrEqual(1)
    }),
  )
})
