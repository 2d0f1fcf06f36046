import { BuildError } from '../../core/errors.ts'
import { formatPlatform, parsePlatform, type Platform } from '../../core/platform.ts'
import { formatReference, parseReference } from '../../core/reference.ts'
import type { SourceRange } from '../../core/source-range.ts'
import type { ImageQuestion, PlanOptions } from './plan.ts'

/** Where a tree comes from that a stage starts with, or that COPY and mounts take from. */
export type Origin =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  /** Files of the user's: a named context. */
  | { readonly kind: 'files'; readonly context: string }
  | { readonly kind: 'image'; readonly question: ImageQuestion }

/** What a name means that is no stage's: `scratch`, a named context, an image.
 *  @throws {BuildError} `REFERENCE_INVALID` at `source` */
export function originOutside(name: string, platform: Platform, source: SourceRange, options: PlanOptions): Origin {
  if (name === 'scratch') return { kind: 'scratch' }
  const named = findNamedContext(name, platform, source, options)
  if (named !== undefined) return named
  try {
    return {
      kind: 'image',
      question: { kind: 'image', reference: formatReference(parseReference(name)), platform, source },
    }
  } catch (error) {
    throw error instanceof BuildError ? error.at(source) : error
  }
}

export function findNamedContext(
  name: string,
  platform: Platform,
  source: SourceRange,
  options: PlanOptions,
): Origin | undefined {
  const context = findContextName(name, platform, options)
  if (context === undefined) return undefined
  const kind = options.namedContexts.get(context)
  if (kind === 'scratch') return { kind }
  if (kind === 'files') return { kind, context }
  return { kind: 'image', question: { kind: 'image', reference: context, platform, source } }
}

/** `alpine`, `alpine:latest` and `docker.io/library/alpine` are one name of a context. `alpine::linux/arm64` is for one platform, and goes before that for all. */
export function findContextName(name: string, platform: Platform, { namedContexts }: PlanOptions): string | undefined {
  const wanted = canonicalName(name)
  const fitting = [...namedContexts.keys()].filter((context) => {
    const [base = '', ofPlatform] = context.split('::')
    if (base === 'context' || base === 'scratch' || canonicalName(base) !== wanted) return false
    return ofPlatform === undefined || formatPlatform(parsePlatform(ofPlatform)) === formatPlatform(platform)
  })
  return fitting.find((context) => context.includes('::')) ?? fitting[0]
}

function canonicalName(name: string): string {
  try {
    return formatReference(parseReference(name))
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return name
  }
}
