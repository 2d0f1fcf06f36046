import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { receiveError, sendError } from './sent-error.ts'

/** As the message channel of processes and threads does it. */
function cross(error: unknown): Error {
  return receiveError(structuredClone(sendError(error)))
}

test('a failure that the user can act on keeps what it says', () => {
  const crossed = cross(new BuildError('RUN_FAILED', 'it broke', { hint: 'Mend it.' }))
  expect(crossed).toBeInstanceOf(BuildError)
  expect(crossed).toMatchObject({ code: 'RUN_FAILED', message: 'it broke', hint: 'Mend it.' })
})

test('a bug stays one, with the stack of where it was', () => {
  const bug = new TypeError('x is not a function')
  const crossed = cross(bug)
  expect(crossed).not.toBeInstanceOf(BuildError)
  expect([crossed.message, crossed.stack]).toEqual([bug.message, bug.stack])
})

for (const code of ['ENOSPC', 'EDQUOT']) {
  test(`${code} is a full disk, which the user can do something about`, () => {
    expect(cross(Object.assign(new Error(`${code}: write`), { code }))).toMatchObject({ code: 'DISK_FULL' })
  })
}

test('something that is no error at all is told as text', () => {
  expect(cross('just text').message).toBe('just text')
})
