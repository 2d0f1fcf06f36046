import { expect, test } from 'vitest'
import { BuildError, BuildErrors } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { renderError } from './render-error.ts'

function range(start: readonly [number, number], end: readonly [number, number], file = 'Dockerfile'): SourceRange {
  return { file, start: { line: start[0], column: start[1] }, end: { line: end[0], column: end[1] } }
}

function rendered(dockerfile: string, source: SourceRange, hint?: string): string {
  const error = new BuildError('COPY_SOURCE_MISSING', 'Cannot copy "dist/"', { source, hint })
  return renderError(error, (file) => (file === 'Dockerfile' ? dockerfile : undefined))
}

test('an error says where, what and how to go on', () => {
  expect(rendered('FROM a\nCOPY dist/ /srv\n', range([2, 6], [2, 11]), 'Build it first.')).toBe(
    [
      'Dockerfile:2:6: COPY_SOURCE_MISSING: Cannot copy "dist/"',
      '  >> 2 | COPY dist/ /srv',
      '       |      ^^^^^',
      '  Build it first.',
      '',
    ].join('\n'),
  )
})

test('an error without a place names the program', () => {
  expect(renderError(new BuildError('OPTION_INVALID', 'no such option'))).toBe(
    'stave: OPTION_INVALID: no such option\n',
  )
})

test('below a tab the mark stands where the text does', () => {
  expect(rendered('\tRUN\tx\n', range([1, 6], [1, 7]))).toContain('  >> 1 | \tRUN\tx\n       | \t   \t^\n')
})

test('lines that end as on Windows are marked as others', () => {
  expect(rendered('FROM a\r\nRUN x\r\n', range([2, 1], [2, 20]))).toContain('  >> 2 | RUN x\n       | ^^^^^\n')
})

test('a place at the end of a line has a mark of its own', () => {
  expect(rendered('RUN\n', range([1, 4], [1, 4]))).toContain('  >> 1 | RUN\n       |    ^\n')
})

test('of several lines all are shown, without marks, up to eight', () => {
  const dockerfile = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join('\n')
  const text = rendered(dockerfile, range([5, 1], [18, 3]))
  expect(text.match(/line \d+/g)).toEqual(Array.from({ length: 8 }, (_, index) => `line ${index + 5}`))
  expect(text).not.toContain('^')
  expect(text).toContain('  >>  5 | line 5\n')
})

test('a place behind the end of the file shows nothing', () => {
  expect(rendered('FROM a\n', range([9, 1], [9, 2]))).toBe('Dockerfile:9:1: COPY_SOURCE_MISSING: Cannot copy "dist/"\n')
})

test('a file whose text is not known shows nothing', () => {
  expect(rendered('', range([1, 1], [1, 2], 'other/Dockerfile'))).toContain('other/Dockerfile:1:1: ')
})

test('several errors are told one after the other', () => {
  const errors = ['one', 'two'].map((message) => new BuildError('STAGE_INVALID', message)) as [BuildError, BuildError]
  const text = renderError(new BuildErrors(errors[0], [errors[1]]))
  expect(text).toBe('stave: STAGE_INVALID: one\n\nstave: STAGE_INVALID: two\n')
})

test('credentials in a line are crossed out, and the mark stays below what it marks', () => {
  const line = 'ADD https://user:secret@x/y /z'
  expect(rendered(`${line}\n`, range([1, 5], [1, 28]))).toContain(
    '  >> 1 | ADD https://xxxx:xxxxxx@x/y /z\n       |     ^^^^^^^^^^^^^^^^^^^^^^^\n',
  )
})
