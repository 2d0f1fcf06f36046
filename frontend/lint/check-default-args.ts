import { BuildError } from '../../core/errors.ts'
import { parseReference } from '../../core/reference.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { expandWord } from '../expand/expand-word.ts'
import type { FromInstruction } from '../instructions/types.ts'
import type { Lint } from './lint.ts'

/** Base images that exist only with the right build arguments. `defaults` is the global scope without any. */
export function checkDefaultArgs(
  lint: Lint,
  { stages, escape }: Dockerfile,
  defaults: { readonly values: ReadonlyMap<string, string> },
): void {
  for (const { from } of stages) {
    if (isReference(from, escape, defaults.values)) continue
    const message = `Default value for ARG ${from.base.text} results in empty or invalid base image name`
    lint.report('InvalidDefaultArgInFrom', message, from)
  }
}

function isReference(
  { base }: FromInstruction,
  escape: Dockerfile['escape'],
  scope: ReadonlyMap<string, string>,
): boolean {
  try {
    parseReference(expandWord(base, scope, { escape }).text)
    return true
  } catch (error) {
    if (error instanceof BuildError) return error.code === 'VARIABLE_INVALID'
    throw error
  }
}
