/** White space as Go's `unicode.IsSpace` has it. JavaScript's `\s` would take a byte order mark as well, and no NEL. */
export function isSpace(character: string): boolean {
  return isSpaceAt(character, 0)
}

/** How many characters of white space the text begins with. */
export function leadingSpace(text: string): number {
  let start = 0
  while (isSpaceAt(text, start)) start++
  return start
}

// Loops, since a regular expression for the end of a text tries each white space of its middle.
export function trimSpace(text: string): string {
  let end = text.length
  while (isSpaceAt(text, end - 1)) end--
  return text.slice(Math.min(leadingSpace(text), end), end)
}

/** `false` outside of the text. */
function isSpaceAt(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d)
  return (code >= 0x2000 && code <= 0x200a) || others.has(code)
}

const others: ReadonlySet<number> = new Set([0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000])
