import { BuildError, failuresOf } from '../../core/errors.ts'
import type { Warning } from '../../core/events.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { collect } from '../lower/collect.ts'
import type { Answers, ImageQuestion, PlanOptions } from '../lower/plan.ts'
import { lintFor } from '../lint/lint-for.ts'
import { lookAt } from './look-at.ts'

/** What a look at a Dockerfile finds. */
export interface Findings {
  /** In the order of the file. */
  readonly warnings: readonly Warning[]
  /** What keeps it from being built. */
  readonly errors: readonly BuildError[]
}

export type CheckResult =
  | { readonly kind: 'questions'; readonly questions: readonly ImageQuestion[] }
  | { readonly kind: 'findings'; readonly findings: Findings }

/** Looks for mistakes in the target and what it needs or, where no target is named, in all of the file. Asks as
 *  `planBuild()` does, but for bases alone; `unknownAnswer()` does for one that cannot be had. Throws nothing that the user can repair. */
export function checkBuild(dockerfile: Dockerfile, options: PlanOptions, answers: Answers): CheckResult {
  const errors: BuildError[] = []
  const lint = collect(errors, () => lintFor(dockerfile, options.buildArgs))
  if (lint === undefined) return { kind: 'findings', findings: { warnings: [], errors } }
  const extent = options.target === undefined ? 'every stage' : 'target'
  const result = collect(errors, () => lookAt(dockerfile, options, answers, lint, extent))
  if (result?.kind === 'questions') return result
  errors.push(...(result?.analysis.errors ?? []))
  if (errors.length === 0 && lint.verdict !== undefined) errors.push(lint.verdict)
  return { kind: 'findings', findings: { warnings: lint.warnings, errors: errors.flatMap(failuresOf) } }
}
