import type { EscapeCharacter } from '../parser/directives.ts'
import { findJsonArray, jsonElements } from '../parser/json-array.ts'
import { PlacedText } from '../parser/placed-text.ts'
import { isSpace } from '../parser/white-space.ts'
import { invalid } from './invalid.ts'

/** The words between white space, whatever is in them. */
export function splitBlanks(text: PlacedText): readonly PlacedText[] {
  return [...text.text.matchAll(/[^\t\v\f\r ]+/g)].map(({ index, 0: word }) => text.slice(index, index + word.length))
}

/** The words between white space that is neither quoted nor escaped. Quotes and escapes stay in the words. */
export function splitQuoted(text: PlacedText, escape: EscapeCharacter): readonly PlacedText[] {
  const words: PlacedText[] = []
  let start: number | undefined
  let quote: string | undefined
  for (let at = 0; at < text.text.length; at++) {
    const character = text.text.charAt(at)
    if (quote === undefined && isSpace(character)) {
      if (start !== undefined) words.push(text.slice(start, at))
      start = undefined
      continue
    }
    start ??= at
    if (character === escape && quote !== "'") at++
    else if (character === quote) quote = undefined
    else if (quote === undefined && (character === '"' || character === "'")) quote = character
  }
  if (start !== undefined) words.push(text.slice(start))
  return words
}

/** The elements of arguments in JSON form. `undefined`: they are not in it.
 *  @throws {BuildError} `INSTRUCTION_INVALID` for an array with anything but strings in it */
export function findJsonWords(text: PlacedText): readonly PlacedText[] | undefined {
  const values = findJsonArray(text.text)
  if (values === undefined) return undefined
  const spans = jsonElements(text.text)
  return values.map((value, index) => {
    const { start, end } = spans[index] ?? { start: 0, end: text.text.length }
    const written = text.slice(start, end)
    if (typeof value !== 'string') {
      throw invalid(written.range, 'When using JSON array syntax, arrays must be comprised of strings only')
    }
    const verbatim = written.text === `"${value}"`
    return verbatim ? text.slice(start + 1, end - 1) : PlacedText.at(written.range, value)
  })
}
