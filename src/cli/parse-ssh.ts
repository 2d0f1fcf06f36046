import { statSync } from 'node:fs'
import { BuildError } from '../../core/errors.ts'
import type { SshRequest } from '../config/request.ts'

/** One `--ssh`: `ID[=SOCKET|KEY[,KEY…]]`. An id alone is the agent of the environment. Looks at the paths, to tell sockets from keys.
 *  @throws {BuildError} `OPTION_INVALID`
 *  @see https://docs.docker.com/reference/cli/docker/buildx/build/#ssh */
export function parseSsh(text: string): readonly [id: string, agent: SshRequest] {
  const [, id = '', list] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
  if (id === '') throw invalid(text, 'it has no id')
  const paths = (list ?? '').split(',').filter((path) => path !== '')
  const [first] = paths
  if (first === undefined) return [id, {}]
  const sockets = paths.filter(isSocket)
  if (sockets.length === 0) return [id, { keys: paths }]
  if (paths.length === 1) return [id, { socket: first }]
  throw invalid(text, 'an agent is one socket, or keys')
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}

function invalid(text: string, why: string): BuildError {
  return new BuildError('OPTION_INVALID', `Cannot read --ssh ${JSON.stringify(text)}: ${why}`, {
    hint: 'Write it as default, or ID=SOCKET, or ID=KEY,KEY.',
  })
}
