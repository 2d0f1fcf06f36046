import { expect, test } from 'vitest'
import { findSuggestion } from './suggestion.ts'

test('findSuggestion() gives the nearest within two edits, the first of equals', () => {
  expect(findSuggestion('FORM', ['RUN', 'FROM', 'FORMS'])).toBe('FORMS')
  expect(findSuggestion('foo', ['FROM', 'COPY'])).toBe('FROM')
  expect(findSuggestion('ab', ['ax', 'ay'])).toBe('ax')
})

test('findSuggestion() is silent where nothing is near, or the word is known', () => {
  expect(findSuggestion('xyzzy', ['RUN', 'COPY'])).toBeUndefined()
  expect(findSuggestion('run', ['RUM', 'RUN'])).toBeUndefined()
  expect(findSuggestion('', [])).toBeUndefined()
})
