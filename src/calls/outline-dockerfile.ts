import { outlineBuild, parseDockerfile, type Outline } from '../../frontend/index.ts'
import type { BuildRequest } from '../config/request.ts'
import { withLook, type CallOptions } from './look.ts'

/** Tells what the target takes from whoever builds it: arguments, secrets, agents. Starts no step, and leaves nothing written.
 *  @throws {BuildError} for a request that makes no sense, and a Dockerfile that cannot be read */
export async function outlineDockerfile(request: BuildRequest, options: CallOptions = {}): Promise<Outline> {
  return withLook(request, options, async ({ dockerfile: file, syntax, options: plan, answerAll }) => {
    const dockerfile = parseDockerfile(file.text, file.name, { syntax })
    const { outline } = await answerAll((answers) => outlineBuild(dockerfile, plan, answers))
    return outline
  })
}
