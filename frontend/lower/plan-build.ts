import { throwCollected, type BuildError } from '../../core/errors.ts'
import { GraphBuilder } from '../../core/graph.ts'
import type { ImagePlan } from '../../core/image.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { checkDefaultArgs } from '../lint/check-default-args.ts'
import { checkDockerfile } from '../lint/check-dockerfile.ts'
import { Lint } from '../lint/lint.ts'
import { globalScope } from './global-scope.ts'
import { lowerStages } from './lower-stages.ts'
import { checkTakings, findNeeds } from './needs.ts'
import type { Answers, BuildPlan, PlanOptions, PlanResult, Question } from './plan.ts'
import { formatSeconds, readSourceDate } from './source-date.ts'
import { findTarget, resolveStages } from './stages.ts'
import type { StageState } from './stage-state.ts'
import { unusedBuildArgs } from './unused-build-args.ts'

/** Turns a Dockerfile into a graph for one target on one platform, or asks for what it has to know first: images, commits, downloads. The
 *  caller looks these up and calls again, with all answers so far, until a plan comes.
 *  @throws {BuildError} for whatever the user can repair in the Dockerfile, placed in it; as `BuildErrors`, if it is more
 *  than one thing */
export function planBuild(dockerfile: Dockerfile, asked: PlanOptions, answers: Answers): PlanResult {
  const errors: BuildError[] = []
  const lint = lintOf(dockerfile, asked)
  checkDockerfile(lint, dockerfile)
  const declared = globalScope(dockerfile, asked, asked.buildArgs, errors)
  throwCollected(errors)
  const { seconds: epochSeconds, buildArgs } = readSourceDate(dockerfile, declared, asked.buildArgs)
  const options = { ...asked, buildArgs }
  const scope = globalScope(dockerfile, options, buildArgs, errors)
  checkDefaultArgs(lint, dockerfile, globalScope(dockerfile, options, new Map(), []))
  const stages = resolveStages(dockerfile, scope, options, lint, errors)
  throwCollected(errors)
  const target = findTarget(stages, options.target)
  checkTakings(stages, options, errors)
  throwCollected(errors)
  const { steps, questions } = findNeeds(target, stages, options, answers)
  if (questions.length > 0) return { kind: 'questions', questions }
  const graph = new GraphBuilder()
  const openQuestions = new Map<string, Question>()
  const states = lowerStages({
    dockerfile,
    stages,
    steps,
    globals: scope.values,
    options,
    epochSeconds,
    answers,
    graph,
    lint,
    errors,
    questions: openQuestions,
  })
  throwCollected(errors)
  if (openQuestions.size > 0) return { kind: 'questions', questions: [...openQuestions.values()] }
  const state = states.get(target.index)
  if (state === undefined) throw new Error('lowerStages() left out the target')
  lint.enforce()
  const plan: BuildPlan = {
    graph: graph.graph(),
    target: state.tree,
    image: imagePlan(state, options, epochSeconds),
    warnings: lint.warnings,
    unusedBuildArgs: unusedBuildArgs(dockerfile, options.buildArgs),
  }
  return { kind: 'plan', plan }
}

function imagePlan(state: StageState, options: PlanOptions, epochSeconds: number | undefined): ImagePlan {
  for (const [name, value] of options.labels) state.labels.set(name, value)
  return {
    platform: options.targetPlatform,
    author: state.author,
    config: state.config(),
    created: epochSeconds === undefined ? undefined : formatSeconds(epochSeconds),
    history: state.history,
  }
}

function lintOf({ directives }: Dockerfile, { buildArgs }: PlanOptions): Lint {
  const override = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK')
  if (override !== undefined) return new Lint(override, undefined)
  const directive = directives.get('check')
  return new Lint(directive?.value, directive?.range)
}
