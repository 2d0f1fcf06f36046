import { BuildError } from '../../core/errors.ts'
import type { RunInstruction } from '../instructions/types.ts'
import type { PlanOptions } from './plan.ts'

/** For a look at a Dockerfile that is not carried out. */
export const everyEntitlement: ReadonlySet<string> = new Set(['network.host', 'security.insecure', 'device'])

/** A Dockerfile may be somebody else's: what reaches beyond the sandbox, the caller has to allow.
 *  @throws {BuildError} `NOT_ALLOWED`
 *  @see https://docs.docker.com/reference/cli/docker/buildx/build/#allow */
export function checkEntitlements(
  { network, security, devices, range }: RunInstruction,
  { entitlements }: Pick<PlanOptions, 'entitlements'>,
): void {
  const need = (entitlement: string, flag: string, source = range): void => {
    if (entitlements.has(entitlement)) return
    throw new BuildError('NOT_ALLOWED', `RUN ${flag} is not allowed in this build`, {
      source,
      hint: `If you trust this Dockerfile, build with --allow ${entitlement}.`,
    })
  }
  if (network === 'host') need('network.host', '--network=host')
  if (security === 'insecure') need('security.insecure', '--security=insecure')
  for (const { name, range: place } of devices) {
    const kind = name.replace(/=.*$/s, '')
    if (!entitlements.has('device') && !entitlements.has(`device=${kind}`))
      need(`device=${name}`, `--device=${name}`, place)
  }
}
