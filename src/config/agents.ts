import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { SshRequest } from './request.ts'

/** An ssh agent: one that runs, or keys for one. Paths are absolute. */
export type AgentSource =
  { readonly kind: 'socket'; readonly path: string } | { readonly kind: 'keys'; readonly paths: readonly string[] }

/** @throws {BuildError} `OPTION_INVALID` */
export function resolveAgent(
  id: string,
  request: SshRequest,
  env: Readonly<Record<string, string | undefined>>,
): AgentSource {
  if ('keys' in request) {
    if (request.keys.length > 0) return { kind: 'keys', paths: request.keys.map((path) => resolve(path)) }
    throw new BuildError('OPTION_INVALID', `Cannot make the ssh agent ${JSON.stringify(id)}: it has no keys`)
  }
  const socket = request.socket || env['SSH_AUTH_SOCK']
  if (socket) return { kind: 'socket', path: resolve(socket) }
  throw new BuildError(
    'OPTION_INVALID',
    `Cannot use the ssh agent ${JSON.stringify(id)}: SSH_AUTH_SOCK is not set, so there is no agent`,
    { hint: 'Start one (eval "$(ssh-agent)"; ssh-add), or name a socket or files of keys: --ssh default=PATH.' },
  )
}
