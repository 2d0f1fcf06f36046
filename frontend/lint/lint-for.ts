import type { Dockerfile } from '../dockerfile.ts'
import { Lint } from './lint.ts'

/** What the Dockerfile's `check` directive wants, or the build argument that counts instead.
 *  @throws {BuildError} `DOCKERFILE_SYNTAX` for options of another form */
export function lintFor({ directives }: Dockerfile, buildArgs: ReadonlyMap<string, string>): Lint {
  const override = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK')
  if (override !== undefined) return new Lint(override, undefined)
  const directive = directives.get('check')
  return new Lint(directive?.value, directive?.range)
}
