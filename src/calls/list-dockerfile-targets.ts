import { listTargets, parseDockerfile, type Target } from '../../frontend/index.ts'
import type { BuildRequest } from '../config/request.ts'
import { withLook, type CallOptions } from './look.ts'

/** Tells the stages of a Dockerfile, in the order of the file. Starts no step, leaves nothing written, and asks no registry.
 *  @throws {BuildError} for a request that makes no sense, and a Dockerfile that cannot be read */
export async function listDockerfileTargets(
  request: BuildRequest,
  options: CallOptions = {},
): Promise<readonly Target[]> {
  return withLook(request, options, ({ dockerfile: file, syntax }) =>
    Promise.resolve(listTargets(parseDockerfile(file.text, file.name, { syntax }))),
  )
}
