import { BuildError } from '../../core/errors.ts'
import { parsePlatform, type Platform } from '../../core/platform.ts'
import { findSuggestion } from '../../core/suggestion.ts'
import type { Dockerfile, DockerfileStage } from '../dockerfile.ts'
import { expandWord } from '../expand/expand-word.ts'
import { didYouMean } from '../instructions/invalid.ts'
import type { FromInstruction, StageInstruction } from '../instructions/types.ts'
import type { Lint } from '../lint/lint.ts'
import { checkFromVariables, checkPlatformFlag } from '../lint/check-from.ts'
import { collect } from './collect.ts'
import type { GlobalScope } from './global-scope.ts'
import { findNamedContext, originOutside, type Origin } from './origins.ts'
import type { PlanOptions } from './plan.ts'

/** A stage that knows what it starts with. */
export interface Stage {
  readonly index: number
  readonly from: FromInstruction
  /** Lower case. */
  readonly name: string | undefined
  readonly base: Origin
  /** As `--platform` says; of a stage that starts with another, that one's; else the target's. */
  readonly platform: Platform
  /** None, if a named context stands in for the stage. */
  readonly instructions: readonly StageInstruction[]
  /** A named context stands in for it. */
  readonly replaced: boolean
}

/** Gives each stage its base: an earlier stage, `scratch`, a named context or an image.
 *  @see https://docs.docker.com/reference/dockerfile/#from */
export function resolveStages(
  dockerfile: Dockerfile,
  scope: GlobalScope,
  options: PlanOptions,
  lint: Lint,
  errors: BuildError[],
): readonly Stage[] {
  const stages: Stage[] = []
  for (const written of dockerfile.stages) {
    const stage = collect(errors, () => resolveStage(dockerfile, written, stages, scope, options, lint))
    if (stage !== undefined) stages.push(stage)
  }
  return stages
}

function resolveStage(
  { escape }: Dockerfile,
  { from, instructions }: DockerfileStage,
  earlier: readonly Stage[],
  scope: GlobalScope,
  options: PlanOptions,
  lint: Lint,
): Stage {
  const index = earlier.length
  const base = expandWord(from.base, scope.values, { escape })
  checkFromVariables(lint, from, base, scope.names)
  if (base.text === '') throw blankBase(from)
  const asked = readPlatform(from, escape, scope, lint)
  const platform = asked ?? options.targetPlatform
  const replacement = from.name === undefined ? undefined : findNamedContext(from.name, platform, from.range, options)
  const common = { index, from, name: from.name }
  if (replacement !== undefined) return { ...common, base: replacement, platform, instructions: [], replaced: true }
  // Names are lower case, and are looked up as FROM has them: `FROM Base` is never a stage.
  const parent = earlier.findLast(({ name }) => name === base.text)
  if (parent !== undefined) {
    const origin: Origin = { kind: 'stage', index: parent.index }
    return { ...common, base: origin, platform: parent.platform, instructions, replaced: false }
  }
  const origin = originOutside(base.text, platform, from.base.range, options)
  const ownPlatform = origin.kind === 'scratch' ? options.targetPlatform : platform
  return { ...common, base: origin, platform: ownPlatform, instructions, replaced: false }
}

function readPlatform(
  from: FromInstruction,
  escape: Dockerfile['escape'],
  scope: GlobalScope,
  lint: Lint,
): Platform | undefined {
  if (from.platform === undefined) return undefined
  const { range } = from.platform
  const expansion = expandWord(from.platform, scope.values, { escape })
  checkFromVariables(lint, from, expansion, scope.names)
  const suggestion = [...expansion.unset].map((name) => findSuggestion(name, scope.names)).find(Boolean)
  const hint = didYouMean(suggestion && `$${suggestion}`)
  if (expansion.text === '') {
    const message = `Empty platform value from expression ${JSON.stringify(from.platform.text)}`
    throw new BuildError('PLATFORM_INVALID', message, { source: range, hint })
  }
  try {
    const platform = parsePlatform(expansion.text)
    checkPlatformFlag(lint, from, expansion, platform, scope.values)
    return platform
  } catch (error) {
    throw error instanceof BuildError ? error.at(range) : error
  }
}

function blankBase({ base }: FromInstruction): BuildError {
  const message = `Base name (${base.text}) should not be blank`
  return new BuildError('STAGE_INVALID', message, {
    source: base.range,
    hint: 'Give the ARG before the first FROM a default, or pass --build-arg.',
  })
}

/** The stage that is built, by its name in any case, or its number from 0.
 *  @throws {BuildError} `STAGE_NOT_FOUND` */
export function findTarget(stages: readonly Stage[], target: string | undefined): Stage {
  const found =
    target === undefined ? stages.at(-1) : (findStageNamed(stages, target) ?? findStageNumbered(stages, target))
  if (found !== undefined) return found
  const names = stages.flatMap(({ name }) => name ?? [])
  throw new BuildError('STAGE_NOT_FOUND', `Target stage ${JSON.stringify(target)} could not be found`, {
    hint: isNumber(target ?? '')
      ? numbersHint(stages)
      : (didYouMean(findSuggestion(target ?? '', names)) ??
        `The stages with names are: ${names.join(', ') || 'none'}.`),
  })
}

function findStageNumbered(stages: readonly Stage[], text: string): Stage | undefined {
  return isNumber(text) ? stages[Number(text)] : undefined
}

/** Which numbers stages have. */
export function numbersHint(stages: readonly Stage[]): string {
  return stages.length === 1
    ? 'There is one stage, and its number is 0.'
    : `The stages are numbered from 0 to ${stages.length - 1}.`
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text)
}

/** The last of that name, in any case. */
export function findStageNamed(stages: readonly Stage[], name: string): Stage | undefined {
  return stages.findLast((stage) => stage.name === name.toLowerCase())
}
