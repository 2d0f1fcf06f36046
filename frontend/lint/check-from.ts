import type { Platform } from '../../core/platform.ts'
import { findSuggestion } from '../../core/suggestion.ts'
import type { Expansion } from '../expand/expand-word.ts'
import type { FromInstruction } from '../instructions/types.ts'
import type { Lint } from './lint.ts'

/** Variables of a FROM line that no ARG before the first FROM declares. */
export function checkFromVariables(
  lint: Lint,
  from: FromInstruction,
  { unset }: Expansion,
  declared: ReadonlySet<string>,
): void {
  for (const name of unset) {
    if (declared.has(name)) continue
    const suggestion = findSuggestion(name, declared)
    const guess = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`
    lint.report('UndefinedArgInFrom', `FROM argument '${name}' is not declared${guess}`, from)
  }
}

/** A `--platform` that says nothing, or the same on every machine. */
export function checkPlatformFlag(
  lint: Lint,
  from: FromInstruction,
  { text, used, unset }: Expansion,
  platform: Platform,
  scope: ReadonlyMap<string, string>,
): void {
  const written = from.platform?.text ?? ''
  if (used.size === 1 && unset.size === 0 && used.has('TARGETPLATFORM') && text === scope.get('TARGETPLATFORM')) {
    const message = `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`
    lint.report('RedundantTargetPlatform', message, from)
  }
  const isNamedAfter = from.name?.includes(platform.os) === true || from.name?.includes(platform.architecture) === true
  if (used.size === 0 && unset.size === 0 && !isNamedAfter) {
    const message = `FROM --platform flag should not use constant value ${JSON.stringify(text)}`
    lint.report('FromPlatformFlagConstDisallowed', message, from)
  }
}
