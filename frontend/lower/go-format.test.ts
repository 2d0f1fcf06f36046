import { expect, test } from 'vitest'
import { plainList, quoteList } from './go-format.ts'

test('quoteList() quotes as Go does, and parts with blanks', () => {
  expect(quoteList([])).toBe('[]')
  expect(quoteList(['a b', '"\\', '\n\t\x07\x01\x7f', 'é☺', '\u200b\u{10ffff}'])).toBe(
    '["a b" "\\"\\\\" "\\n\\t\\a\\x01\\x7f" "é☺" "\\u200b\\U0010ffff"]',
  )
})

test('plainList() quotes nothing', () => {
  expect(plainList(['a', 'b c'])).toBe('[a b c]')
})
