import { BuildError, throwCollected } from '../../core/errors.ts'
import { GraphBuilder } from '../../core/graph.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { findSuggestion } from '../../core/suggestion.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { didYouMean } from '../instructions/invalid.ts'
import { Lint } from '../lint/lint.ts'
import type { GlobalScope } from './global-scope.ts'
import { lowerStages } from './lower-stages.ts'
import { findContextName } from './origins.ts'
import type { PlanOptions, Question, TimedSource } from './plan.ts'
import { resolveStages, type Stage } from './stages.ts'

/** What a word stands for that is to give the time of the build: `context`, a named context, or a stage that is nothing but one thing from elsewhere.
 *  @param source where the word is
 *  @throws {BuildError} `VARIABLE_INVALID` when it is none of these, `STAGE_INVALID` for another stage, and what is wrong in the stage */
export function findTimedSource(
  word: string,
  dockerfile: Dockerfile,
  options: PlanOptions,
  scope: GlobalScope,
  source: SourceRange | undefined,
): TimedSource {
  if (word === 'context') return { kind: 'context', name: word }
  const context = findContextName(word, options.targetPlatform, options)
  if (context !== undefined) return { kind: 'context', name: context }
  const errors: BuildError[] = []
  const stages = resolveStages(dockerfile, scope, options, unheard(), errors)
  const stage = stages.find(({ name }) => name === word.toLowerCase())
  throwCollected(errors)
  if (stage !== undefined) return onlySource(stage, stages, dockerfile, options, scope)
  const names = ['context', ...options.namedContexts.keys(), ...stages.flatMap(({ name }) => name ?? [])]
  throw new BuildError('VARIABLE_INVALID', `Cannot use SOURCE_DATE_EPOCH=${word}: it is no number, and names nothing`, {
    source,
    hint:
      didYouMean(findSuggestion(word, names)) ??
      'It is a number of seconds since 1970, or names what has a time: "context", a named context, or a stage.',
  })
}

/** What the stage adds from elsewhere, as it asks for it when it is lowered. */
function onlySource(
  stage: Stage,
  stages: readonly Stage[],
  dockerfile: Dockerfile,
  options: PlanOptions,
  { values: globals }: GlobalScope,
): TimedSource {
  checkAddsOnly(stage)
  const errors: BuildError[] = []
  const questions = new Map<string, Question>()
  lowerStages({
    dockerfile,
    stages,
    steps: new Map([[stage.index, stage.instructions.map((instruction) => ({ instruction, triggered: false }))]]),
    globals,
    options,
    epochSeconds: undefined,
    answers: new Map(),
    graph: new GraphBuilder(),
    lint: unheard(),
    errors,
    questions,
  })
  throwCollected(errors)
  const [question] = questions.values()
  if (question?.kind === 'git' || question?.kind === 'http') return question
  throw unfit(stage, 'what it adds does not come from elsewhere')
}

function checkAddsOnly(stage: Stage): void {
  if (stage.base.kind !== 'scratch') throw unfit(stage, 'it does not start from scratch')
  const [add, ...others] = stage.instructions.filter(({ kind }) => kind !== 'arg')
  const isOnlyAdd = add?.kind === 'add' && add.sources.length + add.documents.length === 1 && others.length === 0
  if (!isOnlyAdd) throw unfit(stage, 'it is more, or less, than one ADD of one source')
}

function unfit({ from }: Stage, why: string): BuildError {
  return new BuildError(
    'STAGE_INVALID',
    `Cannot take SOURCE_DATE_EPOCH from stage ${JSON.stringify(from.name)}: ${why}`,
    {
      source: from.range,
      hint: 'A stage has a time if it is FROM scratch and one ADD of a URL or a git repository.',
    },
  )
}

/** What is to be said of the stages is said when they are looked at for themselves. */
function unheard(): Lint {
  return new Lint(undefined, undefined)
}
