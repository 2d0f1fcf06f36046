import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Automaton, type AutomatonStep } from './automaton.ts'
import '../../test/support/fixed-seed.ts'

const only = (taken: string) => (character: string) => character === taken
const any = () => true

/** Tries every way. */
function readsAll(steps: readonly AutomatonStep[], text: readonly string[], at = 0): boolean {
  const step = steps[at]
  const [first, ...rest] = text
  if (step === undefined) return first === undefined
  if (step.kind === 'maybe') return readsAll(steps, text, at + 1) || readsAll(steps, text, at + 1 + step.count)
  const takes = first !== undefined && step.takes(first)
  if (step.kind === 'one') return takes && readsAll(steps, rest, at + 1)
  return readsAll(steps, text, at + 1) || (takes && readsAll(steps, rest, at))
}

test('it accepts what some way through its steps reads, whatever it was asked before', () => {
  const takes = fc.constantFrom(only('a'), only('b'), any)
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('one' as const, 'many' as const), takes }),
    fc.record({ kind: fc.constant('maybe' as const), count: fc.constantFrom(1, 2) }),
  )
  const texts = fc.array(fc.array(fc.constantFrom('a', 'b', '😀'), { maxLength: 7 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), texts, (written, asked) => {
      // What may be left out is there.
      const steps = written.filter((part, index) => part.kind !== 'maybe' || index + part.count < written.length)
      fc.pre(steps.every((part, index) => part.kind !== 'maybe' || index + part.count < steps.length))
      const automaton = new Automaton(steps)
      expect(asked.map((text) => automaton.accepts(text.join('')))).toEqual(asked.map((text) => readsAll(steps, text)))
    }),
    { numRuns: 2000 },
  )
})

test('it goes on being right when it has met more characters than it remembers', () => {
  const many: AutomatonStep = { kind: 'many', takes: any }
  const automaton = new Automaton([many, { kind: 'one', takes: only('a') }, many, { kind: 'one', takes: only('z') }])
  const texts = Array.from({ length: 60_000 }, (_, index) => String.fromCodePoint(0x4e00 + (index % 20_000)))
  expect(texts.filter((text) => !automaton.accepts(`${text}a${text}z`) || automaton.accepts(`${text}z`))).toEqual([])
})

test('many overlapping steps take no longer for being asked of a text that nothing matches', () => {
  const stars = Array.from({ length: 40 }, (): AutomatonStep[] => [
    { kind: 'many', takes: any },
    { kind: 'one', takes: only('a') },
  ]).flat()
  expect(new Automaton(stars).accepts(`${'a'.repeat(3000)}b`)).toBe(false)
})
