import { BuildError } from '../../core/errors.ts'
import { expandWord } from '../expand/expand-word.ts'
import { invalid } from '../instructions/invalid.ts'
import type { CopyInstruction } from '../instructions/types.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import { collect } from './collect.ts'
import { findMountFrom } from './mount-fields.ts'
import { originOutside, type Origin } from './origins.ts'
import { findAnswer, questionKey, type Answers, type ImageQuestion, type PlanOptions } from './plan.ts'
import { findStageNamed, numbersHint, type Stage } from './stages.ts'
import type { Step } from './step.ts'
import { parseTrigger } from './triggers.ts'

/** What `COPY --from` takes from; `undefined`: the build context.
 *  @throws {BuildError} `STAGE_NOT_FOUND`, `INSTRUCTION_INVALID`, `REFERENCE_INVALID` */
export function copyOrigin(
  { from }: CopyInstruction,
  stages: readonly Stage[],
  options: PlanOptions,
): Origin | undefined {
  if (from === undefined || from.text === '') return undefined
  if (expandsToOther(from)) {
    throw invalid(
      from.range,
      `Variable expansion is not supported for --from: ${from.text}`,
      'Define a new stage with FROM using ARG from global scope, and copy from that.',
    )
  }
  if (/^[+-]?\d+$/.test(from.text)) {
    const stage = stages[Number(from.text)]
    if (stage !== undefined) return { kind: 'stage', index: stage.index }
    throw new BuildError('STAGE_NOT_FOUND', `Invalid stage index ${from.text}`, {
      source: from.range,
      hint: numbersHint(stages),
    })
  }
  return namedOrigin(from, stages, options)
}

/** What a mount shows; `undefined`: the build context. */
export function mountOrigin(mount: PlacedText, stages: readonly Stage[], options: PlanOptions): Origin | undefined {
  const from = findMountFrom(mount)
  return from === undefined ? undefined : namedOrigin(from, stages, options)
}

function namedOrigin(name: PlacedText, stages: readonly Stage[], options: PlanOptions): Origin {
  const stage = findStageNamed(stages, name.text)
  if (stage !== undefined) return { kind: 'stage', index: stage.index }
  return originOutside(name.text, options.targetPlatform, name.range, options)
}

function expandsToOther(from: PlacedText): boolean {
  try {
    return expandWord(from, new Map(), { escape: '\\' }).text !== from.text
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return true
  }
}

/** One thing that a stage takes from elsewhere, other than its base. */
interface Taking {
  readonly origin: Origin
  readonly place: PlacedText
}

function takingsOf({ instruction }: Step, stages: readonly Stage[], options: PlanOptions): readonly Taking[] {
  if (instruction.kind === 'copy') {
    const origin = copyOrigin(instruction, stages, options)
    return origin === undefined || instruction.from === undefined ? [] : [{ origin, place: instruction.from }]
  }
  if (instruction.kind !== 'run') return []
  return instruction.mounts.flatMap((mount) => {
    const origin = mountOrigin(mount, stages, options)
    return origin === undefined ? [] : [{ origin, place: findMountFrom(mount) ?? mount }]
  })
}

/** Whether the file names trees besides its stages. If so, even an only stage has a name in progress: BuildKit's habit. A
 *  mount without `from` counts. */
export function namesForeignTrees(stages: readonly Stage[], options: PlanOptions): boolean {
  return stages.some(({ instructions }) =>
    instructions.some((instruction) => {
      if (instruction.kind === 'copy') {
        const origin = copyOrigin(instruction, stages, options)
        return origin !== undefined && origin.kind !== 'stage'
      }
      if (instruction.kind !== 'run') return false
      return instruction.mounts.some((mount) => mountOrigin(mount, stages, options)?.kind !== 'stage')
    }),
  )
}

/** Refuses stages that take from each other in a circle, needed or not; reports whatever is wrong with `from`. */
export function checkTakings(stages: readonly Stage[], options: PlanOptions, errors: BuildError[]): void {
  const takings = stages.map(({ instructions }) =>
    instructions.flatMap(
      (instruction) => collect(errors, () => takingsOf({ instruction, triggered: false }, stages, options)) ?? [],
    ),
  )
  const done = new Set<number>()
  const visit = (index: number, path: readonly number[]): void => {
    for (const { origin, place } of takings[index] ?? []) {
      if (origin.kind !== 'stage') continue
      if (origin.index === index || path.includes(origin.index)) errors.push(circular(stages[origin.index], place))
      else if (!done.has(origin.index)) visit(origin.index, [...path, index])
    }
    done.add(index)
  }
  for (const { index } of stages) if (!done.has(index)) visit(index, [])
}

function circular(stage: Stage | undefined, place: PlacedText): BuildError {
  const name = stage?.name ?? `stage-${stage?.index ?? 0}`
  return new BuildError('STAGE_INVALID', `Circular dependency detected on stage: ${name}`, { source: place.range })
}

/** What the wanted stages need, as far as it can be known. */
export interface Needs {
  /** Steps by index of the stage, for each stage that is needed. */
  readonly steps: ReadonlyMap<number, readonly Step[]>
  /** To be answered before more can be known. */
  readonly questions: readonly ImageQuestion[]
}

/** Follows the wanted stages to all stages and images that it needs. The config of a base image may have triggers, which may
 *  need more.
 *  @throws {BuildError} for a trigger that cannot be read */
export function findNeeds(
  wanted: readonly Stage[],
  stages: readonly Stage[],
  options: PlanOptions,
  answers: Answers,
): Needs {
  const steps = new Map<number, readonly Step[]>()
  const questions = new Map<string, ImageQuestion>()
  const open = [...wanted]
  const want = (origin: Origin, isBase: boolean) => {
    if (origin.kind === 'stage') {
      const stage = stages[origin.index]
      if (stage !== undefined) open.push(stage)
    } else if (origin.kind === 'image') {
      const key = questionKey(origin.question)
      if (answers.has(key)) return
      if (isBase) questions.set(key, { ...origin.question, isBase })
      else if (!questions.has(key)) questions.set(key, origin.question)
    }
  }
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (steps.has(stage.index)) continue
    const own = stage.instructions.map((instruction): Step => ({ instruction, triggered: false }))
    const all = [...triggersOf(stage, stages, answers), ...own]
    steps.set(stage.index, all)
    want(stage.base, true)
    for (const step of all) for (const { origin } of takingsOf(step, stages, options)) want(origin, false)
  }
  return { steps, questions: [...questions.values()].sort(byPlace) }
}

/** The steps that the base's ONBUILDs put at the beginning of the stage. None while an image is not known. */
function triggersOf(stage: Stage, stages: readonly Stage[], answers: Answers): readonly Step[] {
  if (stage.replaced) return []
  return triggerTexts(stage.base, stages, answers).map((trigger) => parseTrigger(trigger, stage.from.range))
}

function triggerTexts(base: Origin, stages: readonly Stage[], answers: Answers): readonly string[] {
  switch (base.kind) {
    case 'scratch':
    case 'files':
      return []
    case 'stage':
      return (stages[base.index]?.instructions ?? []).flatMap((instruction) =>
        instruction.kind === 'onbuild' ? [instruction.trigger] : [],
      )
    case 'image':
      return findAnswer(answers, base.question)?.file.config.OnBuild ?? []
    default:
      return base satisfies never
  }
}

function byPlace({ source: { start: a } }: ImageQuestion, { source: { start: b } }: ImageQuestion): number {
  return a.line - b.line || a.column - b.column
}
