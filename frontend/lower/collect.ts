import { BuildError, failuresOf } from '../../core/errors.ts'

/** Runs a part of the plan. What the user can repair goes to `errors`, and `undefined` comes back. */
export function collect<T>(errors: BuildError[], part: () => T): T | undefined {
  try {
    return part()
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    errors.push(...failuresOf(error))
    return undefined
  }
}
