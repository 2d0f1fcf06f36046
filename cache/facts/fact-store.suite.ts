import { describe, expect, test } from 'vitest'
import type { FactStore } from './fact-store.ts'

/** What every fact store does. `open` is called once for each test. */
export function describeFactStore(name: string, open: () => FactStore): void {
  describe(name, () => {
    test('find() gives undefined for what nobody put', () => {
      expect(open().find('record', 'nothing')).toBeUndefined()
    })

    test.each(['plain', 'a/../../b', 'x'.repeat(5000), '', 'ü\0', 'ab'.repeat(32), 'docker.io/library/alpine:3'])(
      'find() gives back what put() took, under the key %j',
      (key) => {
        const facts = open()
        facts.put('record', key, { some: ['json', 1, null] })
        expect(facts.find('record', key)).toEqual({ some: ['json', 1, null] })
        expect(facts.list('record').map((fact) => fact.key)).toEqual([key])
      },
    )

    test('put() replaces', () => {
      const facts = open()
      facts.put('record', 'key', 1)
      facts.put('record', 'key', 2)
      expect(facts.find('record', 'key')).toBe(2)
      expect(facts.list('record')).toHaveLength(1)
    })

    test('kinds do not meet', () => {
      const facts = open()
      facts.put('record', 'key', 1)
      expect(facts.find('image', 'key')).toBeUndefined()
      expect(facts.list('image')).toEqual([])
    })

    test('delete() takes away, and is content when nothing is there', () => {
      const facts = open()
      facts.put('record', 'key', 1)
      facts.delete('record', 'key')
      facts.delete('record', 'key')
      expect(facts.find('record', 'key')).toBeUndefined()
    })

    test('list() tells when each fact was put', () => {
      const facts = open()
      const before = Date.now()
      facts.put('record', 'key', 1)
      const [fact] = facts.list('record')
      expect(Math.abs((fact?.putAtMs ?? 0) - before)).toBeLessThan(10_000)
    })
  })
}
