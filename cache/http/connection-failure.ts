import { systemCode } from '../disk/index.ts'

/** Why a host could not be reached, or not be heard out, in the user's words. */
export function connectionReason(error: unknown): string {
  return reasons[connectionCode(error) ?? ''] ?? (error instanceof Error ? error.message : 'the connection failed')
}

/** Whether another try may find the connection better. A name that does not exist and a certificate that is not trusted stay so. */
export function mayConnectionPass(error: unknown): boolean {
  const code = connectionCode(error)
  if (code === undefined) return false
  return code !== 'ENOTFOUND' && !/CERT|SSL|TLS|SELF_SIGNED|UND_ERR_INVALID|UND_ERR_NOT_SUPPORTED/.test(code)
}

/** Whether an answer of this status may be another one next time. */
export function mayStatusPass(status: number): boolean {
  return status === 429 || status === 408 || (status >= 500 && status !== 501)
}

export function connectionCode(error: unknown): string | undefined {
  if (error instanceof AggregateError) return systemCode(error) ?? systemCode(error.errors[0])
  return systemCode(error)
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection off',
  EPIPE: 'it broke the connection off',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up now',
  UND_ERR_SOCKET: 'it broke the connection off',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'it broke the connection off',
}
