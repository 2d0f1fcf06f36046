import { BuildError, failuresOf } from '../../core/errors.ts'
import { checkBuild, parseDockerfile, type Findings } from '../../frontend/index.ts'
import type { BuildRequest } from '../config/request.ts'
import { withLook, type CallOptions } from './look.ts'

export interface CheckReport extends Findings {
  /** The Dockerfile: its name as warnings and errors have it, and its text. */
  readonly file: { readonly name: string; readonly text: string }
  /** The text of the Dockerfile, or of an ignore file, by the name that places carry. `undefined` for others. */
  readonly findText: (file: string) => string | undefined
  /** Bases that could not be looked at, in the order of the file: variables that they may set were not checked. */
  readonly unknownBases: readonly BuildError[]
}

/** Looks for mistakes in a Dockerfile without building it: in the target and what it is made from or, where the request names no target, in
 *  every stage. Starts no step, and leaves nothing written.
 *  @throws {BuildError} for a request that makes no sense, and a Dockerfile that cannot be read; what is wrong in it is in the report */
export async function checkDockerfile(request: BuildRequest, options: CallOptions = {}): Promise<CheckReport> {
  return withLook(
    request,
    options,
    async ({ dockerfile: file, findText, syntax, options: plan, answerAll, unknownBases }) => {
      const common = { file: { name: file.name, text: file.text }, findText }
      try {
        const dockerfile = parseDockerfile(file.text, file.name, { syntax })
        const { findings } = await answerAll((answers) => checkBuild(dockerfile, plan, answers))
        return { ...common, ...findings, unknownBases: unknownBases.toSorted(byLine) }
      } catch (error) {
        if (!(error instanceof BuildError)) throw error
        return { ...common, warnings: [], errors: failuresOf(error), unknownBases: [] }
      }
    },
  )
}

function byLine(a: BuildError, b: BuildError): number {
  return (a.source?.start.line ?? 0) - (b.source?.start.line ?? 0)
}
