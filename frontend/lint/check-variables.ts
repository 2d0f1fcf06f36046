import { findSuggestion } from '../../core/suggestion.ts'
import type { Expansion } from '../expand/expand-word.ts'
import type { Lint, LintPlace } from './lint.ts'

interface Declared {
  readonly variables: ReadonlyMap<string, string>
  readonly args: ReadonlyMap<string, string | undefined>
  /** There may be more variables than these. */
  readonly hasUnknownBase: boolean
}

/** Variables of a stage that nothing gives a value and no ARG declares. */
export function checkVariables(
  lint: Lint,
  place: LintPlace,
  { unset }: Expansion,
  { variables, args, hasUnknownBase }: Declared,
): void {
  if (hasUnknownBase) return
  for (const name of unset) {
    if (args.has(name)) continue
    const suggestion = findSuggestion(name, variables.keys())
    const guess = suggestion === undefined ? '' : ` (did you mean $${suggestion}?)`
    lint.report('UndefinedVar', `Usage of undefined variable '$${name}'${guess}`, place)
  }
}
