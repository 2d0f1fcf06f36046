import { throwCollected, type BuildError } from '../../core/errors.ts'
import type { Warning } from '../../core/events.ts'
import { GraphBuilder } from '../../core/graph.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { checkDefaultArgs } from '../lint/check-default-args.ts'
import { checkDockerfile } from '../lint/check-dockerfile.ts'
import type { Lint } from '../lint/lint.ts'
import { globalScope, type GlobalScope } from './global-scope.ts'
import { lowerStages } from './lower-stages.ts'
import { checkTakings, findNeeds } from './needs.ts'
import type { Answers, PlanOptions, Question } from './plan.ts'
import { readSourceDate, withSourceDate } from './source-date.ts'
import { findTarget, resolveStages, type Stage } from './stages.ts'
import type { StageState } from './stage-state.ts'
import type { Step } from './step.ts'

/** A Dockerfile with everything in it understood that somebody wants to know about. */
export interface Analysis {
  readonly options: PlanOptions
  readonly scope: GlobalScope
  /** The one that is built. */
  readonly target: Stage
  /** All of the file. */
  readonly stages: readonly Stage[]
  /** By index of the stage, of those that are wanted. */
  readonly steps: ReadonlyMap<number, readonly Step[]>
  readonly states: ReadonlyMap<number, StageState>
  readonly graph: GraphBuilder
  readonly epochSeconds: number | undefined
  /** What is to be said of the time. */
  readonly dateWarnings: readonly Warning[]
  /** What is wrong in the stages, in the order in which it was found. */
  readonly errors: readonly BuildError[]
}

export type AnalysisResult =
  | { readonly kind: 'questions'; readonly questions: readonly Question[] }
  | { readonly kind: 'analysis'; readonly analysis: Analysis }

/** Understands what the target needs or, for a look at the whole file, every stage. What is found on the way goes to `lint`.
 *  @throws {BuildError} for what keeps the stages from being looked at */
export function analyse(
  dockerfile: Dockerfile,
  asked: PlanOptions,
  answers: Answers,
  lint: Lint,
  extent: 'target' | 'every stage',
): AnalysisResult {
  const errors: BuildError[] = []
  checkDockerfile(lint, dockerfile)
  const declared = globalScope(dockerfile, asked, asked.buildArgs, errors)
  throwCollected(errors)
  const date = readSourceDate(dockerfile, declared, asked, answers)
  if (date.kind === 'questions') return date
  const { seconds: epochSeconds, buildArgs } = date
  const options = { ...asked, buildArgs }
  const scope = withSourceDate(globalScope(dockerfile, options, buildArgs, errors), epochSeconds)
  checkDefaultArgs(lint, dockerfile, globalScope(dockerfile, options, new Map(), []))
  const stages = resolveStages(dockerfile, scope, options, lint, errors)
  throwCollected(errors)
  const target = findTarget(stages, options.target)
  checkTakings(stages, options, errors)
  throwCollected(errors)
  const { steps, questions } = findNeeds(extent === 'target' ? [target] : stages, stages, options, answers)
  if (questions.length > 0) return { kind: 'questions', questions }
  const graph = new GraphBuilder()
  const open = new Map<string, Question>()
  const globals = scope.values
  const lowering = { dockerfile, stages, steps, globals, options, epochSeconds, answers, graph, lint, errors }
  const states = lowerStages({ ...lowering, questions: open })
  // What is wrong counts before what is not known: nobody waits for a server to be told of a slip.
  if (errors.length === 0 && open.size > 0) return { kind: 'questions', questions: [...open.values()] }
  const dateWarnings = date.warnings
  const analysis = { options, scope, target, stages, steps, states, graph, epochSeconds, dateWarnings, errors }
  return { kind: 'analysis', analysis }
}
