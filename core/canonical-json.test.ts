import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from './canonical-json.ts'
import '../test/support/fixed-seed.ts'

test.each([
  [{ b: 1, a: [true, null, 'x"y'], c: undefined }, '{"a":[true,null,"x\\"y"],"b":1}'],
  [{ B: 1, a: 2, é: 3 }, '{"B":1,"a":2,"é":3}'],
  [[], '[]'],
  [{}, '{}'],
  [['', '', {}], '["","",{}]'],
])('%j is %s', (value, text) => {
  expect(canonicalJson(value)).toBe(text)
})

test('equal values have equal spellings, whatever the order of their members, and mean what they did', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(reversed(value))).toBe(text)
    }),
  )
})

test('there is no spelling for undefined', () => {
  expect(() => canonicalJson(undefined)).toThrow()
})

function reversed(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(reversed)
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  )
}
