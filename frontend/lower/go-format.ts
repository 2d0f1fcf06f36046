/** A list as Go prints it with `%q`: `["a" "b"]`. Image histories have commands in this form. */
export function quoteList(words: readonly string[]): string {
  return `[${words.map(quote).join(' ')}]`
}

/** A list as Go prints it with `%v`: `[a b]`. */
export function plainList(words: readonly string[]): string {
  return `[${words.join(' ')}]`
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** @see https://pkg.go.dev/strconv#Quote */
function quote(text: string): string {
  const quoted = Array.from(text).map((character) => {
    const escape = escapes[character]
    if (escape !== undefined) return escape
    if (character === ' ' || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character
    const code = character.codePointAt(0) ?? 0
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
    if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`
    return `\\U${code.toString(16).padStart(8, '0')}`
  })
  return `"${quoted.join('')}"`
}
