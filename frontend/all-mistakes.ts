import { BuildError, failuresOf } from '../core/errors.ts'
import { unknownAnswer } from './calls/unknown-answer.ts'
import { inOrder, type ReadDockerfile } from './dockerfile.ts'
import { planBuild } from './lower/plan-build.ts'
import { questionKey, type Answer, type PlanOptions } from './lower/plan.ts'

/** All that is wrong in a Dockerfile with instructions that cannot be read: these, and what a plan of the rest comes upon, so that nobody has to mend one
 *  kind of mistake to be told of the other. What lies outside is taken as unknown. */
export function allMistakes(read: ReadDockerfile, options: PlanOptions): readonly BuildError[] {
  // Without a stage of the file most of what a plan says would be about that.
  return read.lacksStages ? read.errors : inOrder([...read.errors, ...mistakesOfPlan(read, options)])
}

function mistakesOfPlan({ dockerfile }: ReadDockerfile, options: PlanOptions): readonly BuildError[] {
  const answers = new Map<string, Answer>()
  try {
    for (;;) {
      const result = planBuild(dockerfile, options, answers)
      if (result.kind === 'plan') return []
      for (const question of result.questions) answers.set(questionKey(question), unknownAnswer(question))
    }
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return failuresOf(error).filter(({ code }) => code !== 'CHECK_FAILED')
  }
}
