import { BuildError, type ErrorCode } from '../../core/errors.ts'
import { connectionCode, connectionReason, type Answer } from '../http/index.ts'
import { shownUrl } from './registry-url.ts'

/** What was being done, for messages: `pull docker.io/library/debian:12`. */
export type Purpose = string

const largestErrorBytes = 64 * 1024

/** What a registry says of a failure: `denied: requested access to the resource is denied`. Cut short, without control characters and without our own
 *  secrets, which some servers repeat. Empty where it says nothing. Reads the answer's body.
 *  @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
export async function complaintOf(answer: Answer, secrets: readonly string[]): Promise<string> {
  let text: string
  try {
    text = (await answer.readAtMost(largestErrorBytes))?.toString('utf8') ?? ''
  } catch {
    return '' // the connection broke: the status has to do
  }
  const complaint = readErrors(text)
    .map(({ code, message }) => [code, message].filter(Boolean).join(': '))
    .join('; ')
  return withoutSecrets(complaint, secrets)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 300)
}

function readErrors(text: string): readonly { readonly code: string; readonly message: string }[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return []
  }
  if (typeof json !== 'object' || json === null || !('errors' in json) || !Array.isArray(json.errors)) return []
  return json.errors
    .slice(0, 5)
    .map((error: unknown) => ({ code: textIn(error, 'code'), message: textIn(error, 'message') }))
}

function textIn(value: unknown, name: string): string {
  const member: unknown =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
  return typeof member === 'string' ? member : ''
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) if (secret.length > 3) clean = clean.replaceAll(secret, '***')
  return clean
}

/** The failure that a status stands for. */
export function statusError(purpose: Purpose, answer: Answer, complaint: string, isAnonymous: boolean): BuildError {
  const { status } = answer
  const said = `the registry answered ${status}${complaint === '' ? '' : ` (${complaint})`} to ${shownUrl(answer.url)}`
  const { code, hint } = meaningOf(status, answer.url.host, isAnonymous)
  return new BuildError(code, `Cannot ${purpose}: ${said}`, { hint })
}

function meaningOf(
  status: number,
  host: string,
  isAnonymous: boolean,
): { readonly code: ErrorCode; readonly hint?: string } {
  if (status === 401 || status === 403) {
    return {
      code: 'REGISTRY_DENIED',
      hint: isAnonymous
        ? `Log in with "docker login", or check the name: registries hide what a stranger may not see. No credentials were found for ${host}.`
        : 'The credentials that were found do not allow this. Check the name, or log in as another user.',
    }
  }
  if (status === 404) return { code: 'IMAGE_NOT_FOUND', hint: 'Check the name and the tag.' }
  if (status === 429) {
    return { code: 'REGISTRY_FAILED', hint: 'Too many requests were made. Log in to be allowed more, or wait a while.' }
  }
  return { code: 'REGISTRY_FAILED' }
}

export function registryFailed(purpose: Purpose, why: string, hint?: string): BuildError {
  return new BuildError('REGISTRY_FAILED', `Cannot ${purpose}: ${why}`, { hint })
}

/** The failure to reach a host at all, or to hear it out. */
export function connectionError(purpose: Purpose, host: string, error: unknown): BuildError {
  return new BuildError('REGISTRY_UNREACHABLE', `Cannot ${purpose}: ${host}: ${connectionReason(error)}`, {
    hint: connectionCode(error) === 'ENOTFOUND' ? 'Check the name of the registry and the network.' : undefined,
    cause: error,
  })
}
