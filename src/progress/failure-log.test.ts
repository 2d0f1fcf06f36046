import { expect, test } from 'vitest'
import type { VertexId } from '../../core/graph.ts'
import { FailureLog } from './failure-log.ts'

const vertex = 'a' as VertexId

function logOf(chunks: readonly (string | Uint8Array)[], outcome: 'failed' | 'done' = 'failed'): FailureLog {
  const log = new FailureLog()
  log.note({ type: 'vertex-started', vertex, name: '[1/2] RUN make', atMs: 0 })
  for (const chunk of chunks)
    log.note({ type: 'vertex-output', vertex, stream: 'stdout', chunk: Buffer.from(chunk), atMs: 0 })
  const failed = { kind: 'failed', code: 'RUN_FAILED', message: 'it broke' } as const
  log.note({ type: 'vertex-finished', vertex, outcome: outcome === 'failed' ? failed : { kind: 'done' }, atMs: 0 })
  return log
}

test('the output of the step that failed is shown under its name', () => {
  expect(logOf(['one\n', 'two\n']).render()).toBe('------\n > [1/2] RUN make:\n > one\n > two\n------\n')
})

test('of a long output the last twenty lines are shown', () => {
  const shown = logOf(Array.from({ length: 100 }, (_, index) => `line ${index}\n`)).render()
  expect(shown.match(/line \d+/g)).toEqual(Array.from({ length: 20 }, (_, index) => `line ${80 + index}`))
})

test('a last line without an end is shown', () => {
  expect(logOf(['one\ntw', 'o']).render()).toContain(' > two\n')
})

test('a step that succeeded shows nothing', () => {
  expect(logOf(['one\n'], 'done').render()).toBe('')
})

test('a step that printed nothing shows nothing', () => {
  expect(logOf([]).render()).toBe('')
})

test('a line without end is not kept for ever', () => {
  expect(logOf(Array.from({ length: 100 }, () => 'x'.repeat(10_000))).render().length).toBeLessThan(20_000)
})

test('a character that comes in two pieces is one', () => {
  const bytes = Buffer.from('ü\n')
  expect(logOf([bytes.subarray(0, 1), bytes.subarray(1)]).render()).toContain(' > ü\n')
})
