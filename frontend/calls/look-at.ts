import type { Dockerfile } from '../dockerfile.ts'
import type { Lint } from '../lint/lint.ts'
import { analyse, type Analysis } from '../lower/analyse.ts'
import { everyEntitlement } from '../lower/entitlements.ts'
import { questionKey, type Answers, type ImageQuestion, type PlanOptions, type Question } from '../lower/plan.ts'
import { unknownAnswer } from './unknown-answer.ts'

export type LookResult =
  | { readonly kind: 'questions'; readonly questions: readonly ImageQuestion[] }
  | { readonly kind: 'analysis'; readonly analysis: Analysis }

/** As `analyse()`, where nothing is to be made: only the configs of bases are asked for, and every step is allowed, since that is a
 *  matter of the build and not of the file. */
export function lookAt(
  dockerfile: Dockerfile,
  options: PlanOptions,
  answers: Answers,
  lint: Lint,
  extent: 'target' | 'every stage',
): LookResult {
  const known = new Map(answers)
  const allowed = { ...options, entitlements: everyEntitlement }
  for (;;) {
    const result = analyse(dockerfile, allowed, known, lint, extent)
    if (result.kind === 'analysis') return result
    const bases = result.questions.filter(isBase)
    if (bases.length > 0) return { kind: 'questions', questions: bases }
    for (const question of result.questions) known.set(questionKey(question), unknownAnswer(question))
  }
}

function isBase(question: Question): question is ImageQuestion {
  return question.kind === 'image' && question.isBase === true
}
