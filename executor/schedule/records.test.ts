import { expect, test } from 'vitest'
import { openFactStore } from '../../cache/facts/index.ts'
import { digestOf } from '../../core/digest.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { Records, type Ingredients, type StepRecord } from './records.ts'

const record: StepRecord = {
  tree: [{ kind: 'step', id: 'a'.repeat(32), base: 'below', createdAtMs: 7 }],
  inputTrees: [[], null],
  selections: { '1': digestOf('taken') },
}
const [op, key] = [digestOf('op'), digestOf('key')]

test('a record is found by another build at once, before anything is flushed', () => {
  const facts = openFactStore(temporaryFolder())
  new Records(facts).put(key, op, record)
  expect(new Records(facts).find(key)).toEqual(record)
})

test('a key that nothing was put under has no record', () => {
  expect(new Records(openFactStore(temporaryFolder())).find(key)).toBeUndefined()
})

test('steps that are alike are told, the latest first, each once, six at most', () => {
  const records = new Records(openFactStore(temporaryFolder()))
  const keys = Array.from({ length: 8 }, (_, index) => digestOf(`key ${index}`))
  for (const each of [...keys, keys[5]!]) records.put(each, op, record)
  expect(records.findAlike(op)).toEqual([5, 7, 6, 4, 3, 2].map((index) => keys[index]))
})

test('what only helps to find and explain is there for this build at once, and for others when it is flushed', () => {
  const facts = openFactStore(temporaryFolder())
  const records = new Records(facts)
  const ingredients: Ingredients = { key, fields: {}, variables: {}, files: {}, inputs: [] }
  records.putContentKey(key, op)
  records.putIngredients('step', ingredients)
  const seen = (by: Records): unknown => [by.findContentKey(key), by.findIngredients('step')]
  expect(seen(records)).toEqual([op, ingredients])
  expect(seen(new Records(facts))).toEqual([undefined, undefined])
  records.flush()
  expect(seen(new Records(facts))).toEqual([op, ingredients])
})
