import { BuildError } from '../../core/errors.ts'
import { expandWord, type ExpandOptions, type Expansion } from '../expand/expand-word.ts'
import type { StageInstruction } from '../instructions/types.ts'
import { checkVariables } from '../lint/check-variables.ts'
import { PlacedText } from '../parser/placed-text.ts'
import type { StageContext } from './context.ts'

/** Expands a word of an instruction with the stage's variables.
 *  @throws {BuildError} `VARIABLE_INVALID` */
export function expandIn(
  { state, escape, lint }: StageContext,
  instruction: StageInstruction,
  word: PlacedText,
  options: Partial<ExpandOptions> = {},
): Expansion {
  const expansion = expandWord(word, state.variables, { escape, ...options })
  checkVariables(lint, instruction, expansion, state)
  return expansion
}

/** The instruction as progress shows it: in one line, name in capitals, variables expanded where that can be done. */
export function shownText(
  { state, escape }: StageContext,
  { text, range }: StageInstruction,
  options: Omit<ExpandOptions, 'escape'> = {},
): string {
  const shown = (() => {
    try {
      return expandWord(PlacedText.at(range, text), state.variables, { escape, ...options }).text
    } catch (error) {
      if (!(error instanceof BuildError)) throw error
      return text
    }
  })()
  return shown.replace(/^\S*/, (keyword) => keyword.toUpperCase())
}
