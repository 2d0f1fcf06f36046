import { BuildError } from '../../core/errors.ts'
import type { Warning } from '../../core/events.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Dockerfile } from '../dockerfile.ts'
import type { GlobalScope } from './global-scope.ts'
import { findAnswer, type Answers, type PlanOptions, type TimeQuestion } from './plan.ts'
import { findTimedSource } from './timed-source.ts'

const name = 'SOURCE_DATE_EPOCH'
/** The end of the year 9999: later ones have no spelling in an image's config. */
const lastSecond = 253_402_300_799

export type SourceDateResult =
  { readonly kind: 'questions'; readonly questions: readonly TimeQuestion[] } | ({ readonly kind: 'date' } & SourceDate)

export interface SourceDate {
  /** Seconds since 1970. `undefined`: none is asked for, or what is asked has none. */
  readonly seconds: number | undefined
  /** With the time as a plain number, if it is given by one of them and known. */
  readonly buildArgs: ReadonlyMap<string, string>
  readonly warnings: readonly Warning[]
}

/** The time that all the build makes is to bear, by a build argument or the default of a global ARG: a number, or what has a time.
 *  @throws {BuildError} `VARIABLE_INVALID`, and what `findTimedSource()` throws
 *  @see https://reproducible-builds.org/docs/source-date-epoch/ */
export function readSourceDate(
  dockerfile: Dockerfile,
  scope: GlobalScope,
  options: PlanOptions,
  answers: Answers,
): SourceDateResult {
  const given = options.buildArgs.get(name)
  const text = given ?? scope.values.get(name) ?? ''
  const others = new Map([...options.buildArgs].filter(([key]) => key !== name))
  if (text === '') return { kind: 'date', seconds: undefined, buildArgs: others, warnings: [] }
  const source = given === undefined ? placeOf(dockerfile) : undefined
  const dated = (seconds: number): SourceDateResult => {
    const buildArgs = given === undefined ? others : new Map([...others, [name, String(seconds)]])
    return { kind: 'date', seconds: checked(seconds, text, source), buildArgs, warnings: [] }
  }
  if (/^[+-]?\d+$/.test(text)) return dated(Number(text))
  const undated = { ...options, buildArgs: others }
  const of = findTimedSource(text, dockerfile, undated, withSourceDate(scope, undefined), source)
  const question: TimeQuestion = { kind: 'time', of, source: of.kind === 'context' ? source : of.source }
  const answer = findAnswer(answers, question)
  if (answer === undefined) return { kind: 'questions', questions: [question] }
  if (answer.seconds !== undefined) return dated(answer.seconds)
  const message = `${name}=${text} is left out: what it names has no time of its own, as a folder has none`
  const warnings = [{ rule: undefined, message, url: undefined, source }]
  return { kind: 'date', seconds: undefined, buildArgs: others, warnings }
}

/** What FROM lines and stages see of it: the time as a plain number, or nothing. */
export function withSourceDate(scope: GlobalScope, seconds: number | undefined): GlobalScope {
  const values = new Map(scope.values)
  if (seconds === undefined) values.delete(name)
  else if (values.has(name)) values.set(name, String(seconds))
  return { ...scope, values }
}

function checked(seconds: number, text: string, source: SourceRange | undefined): number {
  if (seconds >= 0 && seconds <= lastSecond) return seconds
  const found = String(seconds) === text ? 'it' : `${seconds}`
  throw new BuildError('VARIABLE_INVALID', `Cannot use ${name}=${text}: ${found} is no time from 1970 to 9999`, {
    source,
    hint: 'It is a whole number of seconds since 1970.',
  })
}

function placeOf({ globals }: Dockerfile): SourceRange | undefined {
  return globals.flatMap(({ entries }) => entries).findLast((entry) => entry.name === name)?.range
}
