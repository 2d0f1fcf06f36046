import { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Dockerfile } from '../dockerfile.ts'
import { expandWord } from '../expand/expand-word.ts'
import type { ArgEntry, ArgInstruction } from '../instructions/types.ts'
import { Lint } from '../lint/lint.ts'
import type { Analysis } from '../lower/analyse.ts'
import type { Answers, ImageQuestion, PlanOptions } from '../lower/plan.ts'
import type { Stage } from '../lower/stages.ts'
import { descriptionOf } from './description-of.ts'
import { lookAt } from './look-at.ts'
import { mountNeeds, type MountNeed } from './mount-needs.ts'

/** What a target takes from whoever builds it. Everything in the order of the file. */
export interface Outline {
  /** Lower case. `undefined`: it has no name. */
  readonly name: string | undefined
  readonly description: string | undefined
  readonly args: readonly OutlineArg[]
  readonly secrets: readonly MountNeed[]
  /** Agents, by their ids. */
  readonly ssh: readonly MountNeed[]
}

export interface OutlineArg {
  readonly name: string
  readonly description: string | undefined
  /** With what this build is given. */
  readonly value: string | undefined
  readonly source: SourceRange
}

export type OutlineResult =
  | { readonly kind: 'questions'; readonly questions: readonly ImageQuestion[] }
  | { readonly kind: 'outline'; readonly outline: Outline }

/** Tells the arguments, secrets and agents of the target and of all that it is made from. Asks as `planBuild()` does, but for
 *  bases alone; `unknownAnswer()` does for one that cannot be had.
 *  @throws {BuildError} for what keeps the stages from being looked at; what is wrong in them does not matter here */
export function outlineBuild(dockerfile: Dockerfile, options: PlanOptions, answers: Answers): OutlineResult {
  const lint = new Lint(undefined, undefined)
  const result = lookAt(dockerfile, options, answers, lint, 'target')
  if (result.kind === 'questions') return result
  const { analysis } = result
  const { from } = analysis.target
  const outline: Outline = {
    name: from.name,
    description: descriptionOf(from.name, from.comments),
    args: sorted(argsOf(dockerfile, analysis)),
    secrets: sorted(mountNeeds(analysis.steps, 'secret')),
    ssh: sorted(mountNeeds(analysis.steps, 'ssh')),
  }
  return { kind: 'outline', outline }
}

/** Of several of one name the one nearest to the target tells; one that only repeats a global ARG stands for that. */
function argsOf(dockerfile: Dockerfile, analysis: Analysis): readonly OutlineArg[] {
  const { steps, stages, states, scope, target } = analysis
  const found = new Map<string, OutlineArg>()
  const used = new Set<string>()
  const needed = stages.filter(({ index }) => steps.has(index))
  for (const { index } of [target, ...needed.toReversed()]) {
    for (const { instruction } of steps.get(index) ?? []) {
      if (instruction.kind !== 'arg') continue
      for (const entry of instruction.entries) {
        const isGlobal = entry.fallback === undefined && scope.names.has(entry.name)
        if (isGlobal) used.add(entry.name)
        else if (!found.has(entry.name)) {
          found.set(entry.name, outlineArg(instruction, entry, states.get(index)?.args.get(entry.name)))
        }
      }
    }
  }
  for (const stage of needed) for (const name of usedInFrom(dockerfile, stage, scope.values)) used.add(name)
  for (const instruction of dockerfile.globals.toReversed()) {
    for (const entry of instruction.entries.toReversed()) {
      if (!used.has(entry.name) || found.has(entry.name)) continue
      found.set(entry.name, outlineArg(instruction, entry, scope.values.get(entry.name)))
      const dependencies = entry.fallback && usedIn(() => [expandIn(dockerfile, entry, scope.values)])
      for (const name of dependencies ?? []) used.add(name)
    }
  }
  return [...found.values()]
}

function outlineArg({ comments }: ArgInstruction, { name, range }: ArgEntry, value: string | undefined): OutlineArg {
  return { name, description: descriptionOf(name, comments), value, source: range }
}

type Used = ReadonlySet<string>

function usedInFrom({ escape }: Dockerfile, { from }: Stage, scope: ReadonlyMap<string, string>): Used {
  const words = [from.base, ...(from.platform === undefined ? [] : [from.platform])]
  return usedIn(() => words.map((word) => expandWord(word, scope, { escape })))
}

function expandIn({ escape }: Dockerfile, { fallback, name }: ArgEntry, scope: ReadonlyMap<string, string>) {
  if (fallback === undefined) throw new Error(`ARG ${name} has no default to expand`)
  return expandWord(fallback, scope, { escape })
}

/** A default that is not used need not make sense. */
function usedIn(expand: () => readonly { readonly used: Used; readonly unset: Used }[]): Used {
  try {
    return new Set(expand().flatMap(({ used, unset }) => [...used, ...unset]))
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return new Set()
  }
}

function sorted<T extends { readonly source: SourceRange }>(list: readonly T[]): readonly T[] {
  return list.toSorted(({ source: { start: a } }, { source: { start: b } }) => a.line - b.line || a.column - b.column)
}
