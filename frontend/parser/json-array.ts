import { isSpace } from './white-space.ts'

/** The JSON array that an instruction's arguments are. `undefined`: they are none, and so mean a shell's words. That
 *  holds for what only resembles JSON too, with single quotes or a comma too many. */
export function findJsonArray(text: string): readonly unknown[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

export interface JsonSpan {
  readonly start: number
  readonly end: number
}

/** Where each element of a valid JSON array stands. */
export function jsonElements(text: string): readonly JsonSpan[] {
  const spans: JsonSpan[] = []
  let depth = 0
  let start: number | undefined
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (isSpace(character)) continue
    const closes = character === ']' || character === '}'
    if (closes) depth--
    if ((depth === 0 && closes) || (depth === 1 && character === ',')) {
      if (start !== undefined) spans.push({ start, end: endBefore(text, at) })
      start = undefined
      continue
    }
    if (depth >= 1) start ??= at
    if (character === '[' || character === '{') depth++
    if (character === '"') at = endOfString(text, at) - 1
  }
  return spans
}

function endBefore(text: string, separator: number): number {
  let end = separator
  while (isSpace(text.charAt(end - 1))) end--
  return end
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}
