import { BuildError } from '../../core/errors.ts'
import type { AnnotationPlace, AnnotationRequest } from '../config/request.ts'

/** `[PLACE[\[PLATFORM\]][,PLACE…]:]KEY=VALUE`, as `docker buildx build --annotation` takes it. A key may have colons in it.
 *  @throws {BuildError} `OPTION_INVALID` */
export function parseAnnotation(text: string): readonly AnnotationRequest[] {
  const [, head, rest = text] =
    /^((?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?(?:,[^:=]*)?):(.*)$/s.exec(text) ?? []
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(rest) ?? []
  if (key === undefined || value === undefined)
    throw new BuildError('OPTION_INVALID', `Cannot read --annotation ${JSON.stringify(text)}: it must be KEY=VALUE`)
  if (head === undefined) return [{ key, value }]
  return head.split(',').map((word) => {
    const [, place = word, platform] = /^([^[]*)\[([^\]]*)\]$/.exec(word) ?? []
    return { key, value, place: place as AnnotationPlace, platform } // whoever takes the request checks the place
  })
}
