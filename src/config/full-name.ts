import { BuildError } from '../../core/errors.ts'
import { formatReference, parseReference } from '../../core/reference.ts'

/** A name as a user writes it, in full.
 *  @throws {BuildError} `REFERENCE_INVALID` */
export function fullName(text: string): string {
  const reference = parseReference(text)
  if (reference.digest !== undefined) {
    throw new BuildError(
      'OPTION_INVALID',
      `Cannot name an image ${JSON.stringify(text)}: a name has a tag, not a digest`,
    )
  }
  return formatReference({ ...reference, tag: reference.tag ?? 'latest' })
}
