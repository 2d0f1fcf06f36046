import { expect, test } from 'vitest'
import type { BuildEvent, Outcome } from '../../core/events.ts'
import type { VertexId } from '../../core/graph.ts'
import { PlainProgress } from './plain.ts'

const started = (id: string, atMs = 0, name = `[${id}] step`): BuildEvent => ({
  type: 'vertex-started',
  vertex: id as VertexId,
  name,
  atMs,
})
const output = (
  id: string,
  chunk: string | Uint8Array,
  atMs = 0,
  stream: 'stdout' | 'stderr' = 'stdout',
): BuildEvent => ({
  type: 'vertex-output',
  vertex: id as VertexId,
  stream,
  chunk: Buffer.from(chunk),
  atMs,
})
const finished = (id: string, outcome: Outcome, atMs = 0): BuildEvent => ({
  type: 'vertex-finished',
  vertex: id as VertexId,
  outcome,
  atMs,
})
const done: Outcome = { kind: 'done' }

function shown(...events: readonly BuildEvent[]): string {
  const progress = new PlainProgress()
  return events.map((event) => progress.render(event)).join('')
}

test('a step has a number, its output the time since it began, its end how long it took', () => {
  expect(shown(started('a', 100), output('a', 'one\ntwo\n', 1334), finished('a', done, 2100))).toBe(
    '\n#1 [a] step\n#1 1.234 one\n#1 1.234 two\n#1 DONE 2.0s\n',
  )
})

test('a heading stands wherever the lines of another step follow', () => {
  const lines = shown(started('a'), started('b'), output('a', '1\n'), output('b', '2\n'), output('b', '3\n'))
  expect(lines).toBe('\n#1 [a] step\n\n#2 [b] step\n\n#1 [a] step\n#1 0.000 1\n\n#2 [b] step\n#2 0.000 2\n#2 0.000 3\n')
})

test('a line that comes in pieces is shown when it ends', () => {
  expect(shown(started('a'), output('a', 'one'), output('a', ' line'), output('a', '\nrest'))).toBe(
    '\n#1 [a] step\n#1 0.000 one line\n',
  )
})

test('a line that never ends is shown with the end of the step', () => {
  expect(shown(started('a'), output('a', 'rest'), finished('a', done))).toBe(
    '\n#1 [a] step\n#1 0.000 rest\n#1 DONE 0.0s\n',
  )
})

test('a line without end does not grow for ever', () => {
  const progress = new PlainProgress()
  progress.render(started('a'))
  const lines = Array.from({ length: 100 }, () => progress.render(output('a', 'x'.repeat(10_000)))).join('')
  expect(lines.replace(/^#1 0\.000 |\n/gm, '').length).toBeGreaterThan(900_000)
})

test('a character that comes in two pieces is one', () => {
  const [first, second] = [Buffer.from('ü\n').subarray(0, 1), Buffer.from('ü\n').subarray(1)]
  expect(shown(started('a'), output('a', first), output('a', second))).toContain('#1 0.000 ü\n')
})

test('the pieces of a character are not mixed with those of the other stream', () => {
  const bytes = Buffer.from('ü')
  const text = shown(
    started('a'),
    output('a', bytes.subarray(0, 1)),
    output('a', 'e', 0, 'stderr'),
    output('a', bytes.subarray(1)),
    finished('a', done),
  )
  expect(text).toContain('eü')
})

test('a carriage return before the line’s end is not shown', () => {
  expect(shown(started('a'), output('a', 'one\r\n'))).toBe('\n#1 [a] step\n#1 0.000 one\n')
})

test('a cached step says so', () => {
  const events = [started('a'), finished('a', { kind: 'cached', by: 'definition' })]
  expect(shown(...events)).toBe('\n#1 [a] step\n#1 CACHED\n')
})

test('a failure shows the first line of its message', () => {
  const outcome: Outcome = { kind: 'failed', code: 'RUN_FAILED', message: 'it broke\nbadly' }
  expect(shown(started('a'), finished('a', outcome))).toBe('\n#1 [a] step\n#1 ERROR: it broke …\n')
})

test('a step that was stopped says so', () => {
  expect(shown(started('a'), finished('a', { kind: 'canceled' }))).toContain('#1 CANCELED\n')
})

test('a name of several lines is shown by its first', () => {
  expect(shown(started('a', 0, '[1/2] RUN <<EOF\nmake\nEOF'))).toBe('\n#1 [1/2] RUN <<EOF …\n')
})

test('why a step was not cached is told, unless there is nothing to tell', () => {
  const missed = (reasons: readonly string[]): BuildEvent => ({
    type: 'vertex-missed',
    vertex: 'a' as VertexId,
    reasons,
    atMs: 0,
  })
  expect(shown(started('a'), missed(['x changed', 'y is new']))).toContain('#1 not cached: x changed; y is new\n')
  expect(shown(started('a'), missed([]))).toBe('\n#1 [a] step\n')
})

test('work beside the graph is shown as steps are', () => {
  const events: readonly BuildEvent[] = [
    { type: 'task-started', task: 't', name: 'exporting', atMs: 0 },
    { type: 'task-progress', task: 't', detail: 'x', doneBytes: 1, totalBytes: 2, atMs: 0 },
    { type: 'task-finished', task: 't', outcome: done, atMs: 500 },
  ]
  expect(shown(...events)).toBe('\n#1 exporting\n#1 DONE 0.5s\n')
})

test('output of a step that never began is a bug of ours', () => {
  expect(() => shown(output('a', 'x'))).toThrow('an event tells of a, which never started')
})
