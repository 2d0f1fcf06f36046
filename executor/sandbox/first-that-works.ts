import { BuildError } from '../../core/errors.ts'
import type { IsolationName, Sandbox } from './sandbox.ts'

export interface Candidate {
  readonly name: IsolationName
  open(): Sandbox
}

/** A sandbox that turns to the next candidate for good when the first process cannot be set up in the present one. Once a process has run, a failure is that
 *  process's own.
 *  @param candidates at least one
 *  @param passedOver why stronger ones are no candidates, a clause each */
export function openFirstThatWorks(candidates: readonly Candidate[], passedOver: readonly string[]): Sandbox {
  const reasons = [...passedOver]
  const opened: Sandbox[] = []
  let index = 0
  let proven = false

  const current = (): Sandbox => {
    const candidate = candidates[index]
    if (candidate === undefined) throw new Error('there is no candidate')
    return (opened[index] ??= candidate.open())
  }
  current() // what can be prepared should be, now

  return {
    get name() {
      return current().name
    },
    get fallbackReason() {
      return reasons.length === 0 ? undefined : reasons.join('; ')
    },
    run: async (process, io) => {
      for (;;) {
        const sandbox = current()
        try {
          const exit = await sandbox.run(process, io)
          proven = true
          return exit
        } catch (error) {
          if (proven || !isSetupFailure(error) || (sandbox === current() && index === candidates.length - 1))
            throw error
          if (sandbox !== current()) continue // another run has turned to the next one already
          reasons.push(`${sandbox.name}: ${error.message}`)
          index++
        }
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const sandbox of opened) await sandbox[Symbol.asyncDispose]()
    },
  }
}

function isSetupFailure(error: unknown): error is BuildError {
  return error instanceof BuildError && error.code === 'SANDBOX_FAILED'
}
