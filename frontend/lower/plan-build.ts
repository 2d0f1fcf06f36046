import { throwCollected } from '../../core/errors.ts'
import type { ImagePlan } from '../../core/image.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { lintFor } from '../lint/lint-for.ts'
import { analyse } from './analyse.ts'
import type { Answers, PlanOptions, PlanResult } from './plan.ts'
import { findStageNamed, type Stage } from './stages.ts'
import { formatSeconds } from './format-seconds.ts'
import type { StageState } from './stage-state.ts'
import { unusedBuildArgs } from './unused-build-args.ts'

/** Turns a Dockerfile into a graph for one target on one platform, or asks for what it has to know first: images, commits, downloads. The
 *  caller looks these up and calls again, with all answers so far, until a plan comes.
 *  @throws {BuildError} for whatever the user can repair in the Dockerfile, placed in it; as `BuildErrors`, if it is more
 *  than one thing */
export function planBuild(dockerfile: Dockerfile, asked: PlanOptions, answers: Answers): PlanResult {
  const lint = lintFor(dockerfile, asked.buildArgs)
  const result = analyse(dockerfile, asked, answers, lint, 'target')
  if (result.kind === 'questions') return result
  const { options, target, stages, states, graph, epochSeconds, dateWarnings, errors } = result.analysis
  throwCollected(errors)
  const state = states.get(target.index)
  if (state === undefined) throw new Error('lowerStages() left out the target')
  throwCollected(lint.violations)
  return {
    kind: 'plan',
    plan: {
      graph: graph.graph(),
      target: state.tree,
      image: imagePlan(state, options, epochSeconds),
      warnings: [...dateWarnings, ...lint.warnings],
      unusedBuildArgs: unusedBuildArgs(dockerfile, options.buildArgs),
      unknownUncached: unknownUncached(stages, options),
    },
  }
}

function unknownUncached(stages: readonly Stage[], { noCache }: PlanOptions): readonly string[] {
  return typeof noCache === 'boolean' ? [] : noCache.filter((name) => findStageNamed(stages, name) === undefined)
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
