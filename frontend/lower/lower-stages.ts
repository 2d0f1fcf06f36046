import { BuildError } from '../../core/errors.ts'
import type { GraphBuilder, VertexId } from '../../core/graph.ts'
import type { CopyAction } from '../../core/ops.ts'
import { formatPlatform } from '../../core/platform.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { readIgnoreFile, type IgnorePatterns } from '../ignore/read-ignore-file.ts'
import type { Lint } from '../lint/lint.ts'
import { applyInstruction } from './apply-instruction.ts'
import { collect } from './collect.ts'
import { namesForeignTrees } from './needs.ts'
import type { Origin } from './origins.ts'
import {
  findAnswer,
  questionKey,
  type Answers,
  type AnswerTo,
  type ImageAnswer,
  type ImageQuestion,
  type PlanOptions,
  type Question,
} from './plan.ts'
import { formatSeconds } from './format-seconds.ts'
import type { Stage } from './stages.ts'
import { StageState } from './stage-state.ts'
import type { Step } from './step.ts'
import { StepNames, type StepName } from './step-names.ts'

export interface Lowering {
  readonly dockerfile: Dockerfile
  readonly stages: readonly Stage[]
  /** By index, of the stages that are needed. */
  readonly steps: ReadonlyMap<number, readonly Step[]>
  readonly globals: ReadonlyMap<string, string>
  readonly options: PlanOptions
  /** Time of all that is made, in seconds since 1970. */
  readonly epochSeconds: number | undefined
  readonly answers: Answers
  readonly graph: GraphBuilder
  readonly lint: Lint
  readonly errors: BuildError[]
  /** What steps have to know before they can be carried over: by `questionKey()`. */
  readonly questions: Map<string, Question>
}

/** Carries the needed stages over into the graph, in the order of the file. What is wrong goes to `errors`, what must be
 *  asked first to `questions`: then the graph is not complete. */
export function lowerStages(lowering: Lowering): ReadonlyMap<number, StageState> {
  return new StageLowering(lowering).run()
}

class StageLowering {
  readonly #lowering: Lowering
  readonly #states = new Map<number, StageState>()
  readonly #ignores = new Map<string, IgnorePatterns>()
  readonly #alone: boolean

  constructor(lowering: Lowering) {
    const { stages, options, errors } = lowering
    this.#lowering = lowering
    this.#alone = stages.length === 1 && !namesForeignTrees(stages, options)
    for (const [name, { text, file }] of options.ignore) {
      const patterns = collect(errors, () => readIgnoreFile(text, file))
      if (patterns !== undefined) this.#ignores.set(name, patterns)
    }
  }

  run(): ReadonlyMap<number, StageState> {
    const { stages, steps, errors } = this.#lowering
    for (const stage of stages) {
      const own = steps.get(stage.index)
      if (own !== undefined) collect(errors, () => this.#lowerStage(stage, own))
    }
    return this.#states
  }

  #lowerStage(stage: Stage, steps: readonly Step[]): void {
    const { dockerfile, stages, options, epochSeconds, globals, graph, lint, errors } = this.#lowering
    const names = new StepNames(stage, steps, this.#alone, options)
    const state = this.#begin(stage, names)
    const context = {
      stage,
      stages,
      state,
      graph,
      names,
      options,
      epochSeconds,
      globals,
      escape: dockerfile.escape,
      lint,
      contextIgnore: this.#ignores.get('context')?.patterns ?? [],
      ignoreCache: isUncached(stage, options),
      treeOf: (origin: Origin | undefined, place: SourceRange) => this.#treeOf(origin, place, stage),
      ask: <Q extends Question>(question: Q) => this.#ask(question),
    }
    for (const step of steps) collect(errors, () => applyInstruction(context, step))
    if (epochSeconds !== undefined) state.dateHistory(formatSeconds(epochSeconds))
    this.#states.set(stage.index, state)
  }

  #begin({ base, from }: Stage, names: StepNames): StageState {
    const { graph, lint } = this.#lowering
    switch (base.kind) {
      case 'scratch':
        return StageState.over(this.#scratch(), undefined)
      case 'stage': {
        const parent = this.#states.get(base.index)
        if (parent === undefined) throw new Error('a stage was lowered before its base')
        return parent.inherit()
      }
      case 'files': {
        const label = { ...names.next('FROM', `FROM ${base.context}`), source: from.range }
        const inputs = [this.#scratch(), this.#context(base.context)]
        const tree = graph.add({ type: 'files', actions: [copyEverything] }, inputs, label)
        return StageState.over(tree, undefined)
      }
      case 'image': {
        const answer = this.#answer(base.question)
        checkPlatform(lint, from, base.question, answer)
        const label = isEmpty(answer) ? undefined : names.next('FROM', `FROM ${shownReference(base.question, answer)}`)
        return StageState.over(this.#image(base.question, label), answer.file, answer.isUnknown)
      }
      default:
        return base satisfies never
    }
  }

  #treeOf(origin: Origin | undefined, place: SourceRange, { index, from }: Stage): VertexId {
    if (origin === undefined) return this.#context('context')
    switch (origin.kind) {
      case 'scratch':
        return this.#scratch()
      case 'files':
        return this.#context(origin.context)
      case 'image':
        return this.#image(origin.question, undefined)
      case 'stage': {
        const state = origin.index < index ? this.#states.get(origin.index) : undefined
        if (state !== undefined) return state.tree
        const { stages } = this.#lowering
        const name = stages[origin.index]?.name ?? String(origin.index)
        const here = from.name ?? `stage-${index}`
        throw new BuildError(
          'STAGE_NOT_FOUND',
          `Cannot take files from stage ${JSON.stringify(name)}: it needs to be defined before current stage ${JSON.stringify(here)}`,
          { source: place, hint: 'Move the stage up in the Dockerfile.' },
        )
      }
      default:
        return origin satisfies never
    }
  }

  #scratch(): VertexId {
    return this.#lowering.graph.add({ type: 'scratch' }, [], { name: 'scratch' })
  }

  #context(name: string): VertexId {
    const label = name === 'context' ? '[internal] load build context' : `[context ${name}] load`
    const { patterns = [], written } = this.#ignores.get(name) ?? {}
    const unkeyed = { ignoreFile: written }
    return this.#lowering.graph.add({ type: 'context', name, ignore: patterns, unkeyed }, [], { name: label })
  }

  #image(question: ImageQuestion, label: StepName | undefined): VertexId {
    const answer = this.#answer(question)
    if (isEmpty(answer)) return this.#scratch()
    const { digest, platform } = answer
    const reference = question.reference
    const name = `FROM ${shownReference(question, answer)}`
    const shown = label ?? { name, step: `FROM ${reference}` }
    return this.#lowering.graph.add({ type: 'image', digest, platform, unkeyed: { reference } }, [], {
      ...shown,
      source: question.source,
    })
  }

  #ask<Q extends Question>(question: Q): AnswerTo<Q> | undefined {
    const answer = findAnswer(this.#lowering.answers, question)
    const key = questionKey(question)
    if (answer === undefined && !this.#lowering.questions.has(key)) this.#lowering.questions.set(key, question)
    return answer
  }

  #answer(question: ImageQuestion): ImageAnswer {
    const answer = findAnswer(this.#lowering.answers, question)
    if (answer === undefined) throw new Error(`findNeeds() did not ask for ${question.reference}`)
    return answer
  }
}

const copyEverything: CopyAction = {
  action: 'copy',
  from: 1,
  sources: ['/'],
  destination: '/',
  wildcards: false,
  unpack: 'never',
  owner: undefined,
  mode: undefined,
  excludes: [],
  parents: false,
}

/** An image without layers is nothing but its config. */
function isEmpty({ file }: ImageAnswer): boolean {
  return (
    file.rootfs.diff_ids.length === 0 && file.history.every(({ empty_layer: isEmptyLayer }) => isEmptyLayer === true)
  )
}

function shownReference({ reference }: ImageQuestion, { digest }: ImageAnswer): string {
  return reference.includes('@') ? reference : `${reference}@${digest}`
}

function isUncached({ name }: Stage, { noCache }: PlanOptions): boolean {
  if (typeof noCache === 'boolean') return noCache
  return noCache.some((wanted) => wanted.toLowerCase() === name)
}

function checkPlatform(lint: Lint, from: Stage['from'], { platform }: ImageQuestion, { file }: ImageAnswer): void {
  if (platform.os === file.os && platform.architecture === file.architecture) return
  const actual = formatPlatform({ os: file.os, architecture: file.architecture, variant: file.variant })
  const message = `Base image ${from.base.text} was pulled with platform ${JSON.stringify(actual)}, expected ${JSON.stringify(formatPlatform(platform))} for current build`
  lint.report('InvalidBaseImagePlatform', message, from)
}
