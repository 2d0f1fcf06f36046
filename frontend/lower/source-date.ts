import { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { Dockerfile } from '../dockerfile.ts'
import type { GlobalScope } from './global-scope.ts'

const name = 'SOURCE_DATE_EPOCH'
/** The end of the year 9999: later ones have no spelling in an image's config. */
const lastSecond = 253_402_300_799

export interface SourceDate {
  /** Seconds since 1970. `undefined`: none is asked for. */
  readonly seconds: number | undefined
  /** With the time as a plain number, or without any. */
  readonly buildArgs: ReadonlyMap<string, string>
}

/** The time that all the build makes is to bear, by a build argument or the default of a global ARG.
 *  @throws {BuildError} `VARIABLE_INVALID`, `UNSUPPORTED`
 *  @see https://reproducible-builds.org/docs/source-date-epoch/ */
export function readSourceDate(
  dockerfile: Dockerfile,
  scope: GlobalScope,
  buildArgs: ReadonlyMap<string, string>,
): SourceDate {
  const text = buildArgs.get(name) ?? scope.values.get(name) ?? ''
  const others = [...buildArgs].filter(([key]) => key !== name)
  if (text === '') return { seconds: undefined, buildArgs: new Map(others) }
  const seconds = readSeconds(text, placeOf(dockerfile))
  return { seconds, buildArgs: new Map([...others, [name, String(seconds)]]) }
}

function readSeconds(text: string, source: SourceRange | undefined): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new BuildError(
      'UNSUPPORTED',
      `Cannot take ${name} from ${JSON.stringify(text)}: times of contexts and stages are not looked up`,
      { source, hint: 'Give the time itself, in seconds since 1970: git log -1 --pretty=%ct.' },
    )
  }
  const seconds = Number(text)
  if (seconds >= 0 && seconds <= lastSecond) return seconds
  throw new BuildError('VARIABLE_INVALID', `Cannot use ${name}=${text}: it is no time from 1970 to 9999`, {
    source,
    hint: 'It is a whole number of seconds since 1970.',
  })
}

function placeOf({ globals }: Dockerfile): SourceRange | undefined {
  return globals.flatMap(({ entries }) => entries).findLast((entry) => entry.name === name)?.range
}

/** RFC 3339 in UTC, to the second. */
export function formatSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
