/** White space as Go's `unicode.IsSpace` has it. JavaScript's `\s` would take a byte order mark as well, and no NEL. */
const space = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const oneSpace = new RegExp(space)
const leading = new RegExp(`^${space}+`)
const trailing = new RegExp(`${space}+$`)

export function isSpace(character: string): boolean {
  return oneSpace.test(character)
}

/** How many characters of white space the text begins with. */
export function leadingSpace(text: string): number {
  return leading.exec(text)?.[0].length ?? 0
}

export function trimSpace(text: string): string {
  return text.replace(leading, '').replace(trailing, '')
}
