import { PlacedText } from './placed-text.ts'
import { isSpace } from './white-space.ts'

export interface SplitFlags {
  /** Words that begin with `--`, without quotes and escapes. */
  readonly flags: readonly PlacedText[]
  readonly rest: PlacedText
}

/** Parts the flags before an instruction's arguments from these. A word `--` ends the flags. In flags `\` escapes,
 *  whatever the escape directive says. */
export function splitFlags(text: PlacedText): SplitFlags {
  const flags: PlacedText[] = []
  let at = 0
  for (;;) {
    while (at < text.text.length && isSpace(text.text.charAt(at))) at++
    if (!text.text.startsWith('--', at)) return { flags, rest: text.slice(at).trim() }
    const { word, end } = readWord(text, at)
    at = end
    if (word.text === '--') return { flags, rest: text.slice(at).trim() }
    flags.push(word)
  }
}

function readWord(text: PlacedText, start: number): { word: PlacedText; end: number } {
  let value = ''
  let quote: string | undefined
  let at = start
  for (; at < text.text.length; at++) {
    const character = text.text.charAt(at)
    if (character === '\\') {
      at++
      value += text.text.charAt(at)
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined
      else value += character
    } else if (isSpace(character)) break
    else if (character === '"' || character === "'") quote = character
    else value += character
  }
  const end = Math.min(at, text.text.length)
  const written = text.slice(start, end)
  return { word: written.text === value ? written : PlacedText.at(written.range, value), end }
}
