import { PlacedText } from './placed-text.ts'
import { splitShellWords } from './shell-words.ts'

/** The announcement of a here-document: `<<NAME`, `<<-NAME`, `<<"NAME"`, each perhaps behind digits. */
export interface HeredocToken {
  /** Without quotes: the line that ends the body. */
  readonly name: string
  /** No part of the name was quoted, so that variables in the body mean something. */
  readonly expand: boolean
  /** `<<-`: tabs at the beginning of lines are not part of the body, and may stand before its end. */
  readonly stripTabs: boolean
}

export interface Heredoc extends HeredocToken {
  /** The lines between, each with its line ending, tabs included. */
  readonly body: PlacedText
}

/** What a word announces; `undefined`: it is no heredoc.
 *  @see https://docs.docker.com/reference/dockerfile/#here-documents */
export function findHeredocToken(word: string): HeredocToken | undefined {
  const match = /^\d*<<(-?)[\t\n\f\r ]*([^<]+)$/.exec(word)
  if (match === null) return undefined
  const [, dash = '', quoted = ''] = match
  const words = splitShellWords(quoted)
  if (words?.length !== 1) return undefined
  const { name, quotes } = unquote(words[0]?.text ?? '')
  return name === '' ? undefined : { name, expand: !quotes, stripTabs: dash === '-' }
}

export interface PlacedToken extends HeredocToken {
  readonly word: PlacedText
}

/** All that a line announces, in order. A line that a shell could not split announces nothing. */
export function findHeredocTokens(line: PlacedText): readonly PlacedToken[] {
  return (splitShellWords(line.text) ?? []).flatMap(({ text, start }) => {
    const token = findHeredocToken(text)
    return token === undefined ? [] : [{ ...token, word: line.slice(start, start + text.length) }]
  })
}

/** The body as its reader wants it. */
export function heredocText({ body, stripTabs }: Heredoc): PlacedText {
  if (!stripTabs) return body
  const kept: number[] = []
  for (let at = 0, isMargin = true; at < body.text.length; at++) {
    const character = body.text.charAt(at)
    isMargin = character === '\n' || (isMargin && character === '\t')
    if (!isMargin || character === '\n') kept.push(at)
  }
  const text = kept.map((at) => body.text.charAt(at)).join('')
  return new PlacedText(text, (start, end) => {
    const first = kept[start] ?? body.text.length
    return body.rangeOf(first, end > start ? (kept[end - 1] ?? first) + 1 : first)
  })
}

function unquote(word: string): { name: string; quotes: boolean } {
  let name = ''
  let quote: string | undefined
  let quotes = false
  for (let at = 0; at < word.length; at++) {
    const character = word.charAt(at)
    const next = word.charAt(at + 1)
    if (quote === undefined && (character === "'" || character === '"')) {
      quote = character
      quotes = true
    } else if (character === quote) quote = undefined
    else if (character === '\\' && quote === undefined) {
      name += next
      at++
    } else if (character === '\\' && quote === '"' && /["$\\]/.test(next)) {
      name += next
      at++
    } else name += character
  }
  return { name, quotes }
}
