import type { PlacedText } from '../parser/placed-text.ts'
import type { CommandForm } from './types.ts'
import { findJsonWords } from './words.ts'

/** Arguments that are a JSON array of strings are words for the kernel; all else is a line for the shell. */
export function readCommand(rest: PlacedText): CommandForm {
  const words = findJsonWords(rest)
  if (words === undefined) return { form: 'shell', text: rest.text }
  return { form: 'exec', argv: words.map((word) => word.text) }
}
