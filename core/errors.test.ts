import { expect, test } from 'vitest'
import { BuildError, BuildErrors, failuresOf, throwCollected } from './errors.ts'

const first = new BuildError('UNSUPPORTED', 'one', { hint: 'Try.' })
const second = new BuildError('OPTION_INVALID', 'two')

test('throwCollected() throws nothing, the one failure, or all of them', () => {
  expect(() => throwCollected([])).not.toThrow()
  expect(caught([first])).toBe(first)
  expect(failuresOf(caught([first, second]))).toEqual([first, second])
})

test('several failures stand for their first', () => {
  const errors = caught([first, second])
  expect(errors).toBeInstanceOf(BuildErrors)
  expect(errors).toMatchObject({ name: 'BuildError', code: 'UNSUPPORTED', message: 'one', hint: 'Try.' })
})

function caught(errors: readonly BuildError[]): BuildError {
  try {
    throwCollected(errors)
  } catch (error) {
    if (error instanceof BuildError) return error
  }
  throw new Error('nothing was thrown')
}
