import { BuildError } from '../core/errors.ts'
import { parseReference } from '../core/reference.ts'
import type { SourceRange } from '../core/source-range.ts'

/** Whether an image that a file names as its language is one of Docker's own for Dockerfiles: this frontend stands for all of
 *  them, whatever their tag. No other is ever run.
 *  @throws {BuildError} `UNSUPPORTED` at `source`; without it, the name came from `BUILDKIT_SYNTAX` */
export function checkSyntax(image: string, source: SourceRange | undefined): void {
  if (isDockerfile(image)) return
  const origin = source === undefined ? 'the build argument BUILDKIT_SYNTAX asks' : 'the file asks'
  throw new BuildError(
    'UNSUPPORTED',
    `Cannot read a file in the language of ${JSON.stringify(image)}, as ${origin}: only Dockerfiles can be built, and no other frontend is run`,
    { source, hint: 'Name docker/dockerfile, in any version, if the file is a Dockerfile.' },
  )
}

function isDockerfile(image: string): boolean {
  try {
    const { registry, repository } = parseReference(image)
    return registry === 'docker.io' && /^docker\/dockerfile(?:-upstream)?$/.test(repository)
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return false
  }
}
