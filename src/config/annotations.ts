import { BuildError } from '../../core/errors.ts'
import { equalPlatforms, formatPlatform, parsePlatform, type Platform } from '../../core/platform.ts'
import type { AnnotationPlace, AnnotationRequest } from './request.ts'

/** `platform` is `undefined` for all of them. */
export interface Annotation {
  readonly place: AnnotationPlace
  readonly platform: Platform | undefined
  readonly key: string
  readonly value: string
}

const places: readonly AnnotationPlace[] = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor']

/** @throws {BuildError} `OPTION_INVALID`, `PLATFORM_INVALID` */
export function resolveAnnotations(
  requests: readonly AnnotationRequest[],
  platforms: readonly Platform[],
): readonly Annotation[] {
  return requests.map(({ key, value, place = 'manifest', platform: asked }) => {
    if (key === '') throw invalid('An annotation needs a key')
    if (!places.includes(place))
      throw invalid(`Cannot annotate ${JSON.stringify(place)}: it must be one of ${places.join(', ')}`)
    if (place.startsWith('index') && platforms.length < 2)
      throw invalid(`Cannot annotate the index with ${JSON.stringify(key)}: an image for one platform has none`)
    if (asked === undefined) return { place, platform: undefined, key, value }
    const platform = parsePlatform(asked)
    if (place.startsWith('index')) throw invalid(`Cannot annotate the index for ${asked}: it is for all platforms`)
    if (!platforms.some((built) => equalPlatforms(built, platform)))
      throw invalid(`Cannot annotate for ${formatPlatform(platform)}: that platform is not built`)
    return { place, platform, key, value }
  })
}

/** What is to be written at a place; `undefined`: nothing.
 *  @param platform whose manifest, or descriptor, it is */
export function annotationsAt(
  annotations: readonly Annotation[],
  place: AnnotationPlace,
  platform?: Platform,
): Readonly<Record<string, string>> | undefined {
  const wanted = annotations.filter(
    (annotation) =>
      annotation.place === place &&
      (annotation.platform === undefined || (platform !== undefined && equalPlatforms(annotation.platform, platform))),
  )
  return wanted.length === 0 ? undefined : Object.fromEntries(wanted.map(({ key, value }) => [key, value]))
}

function invalid(message: string): BuildError {
  return new BuildError('OPTION_INVALID', message, {
    hint: 'Annotations are written as [PLACE[PLATFORM]:]KEY=VALUE, such as index:org.opencontainers.image.title=app.',
  })
}
