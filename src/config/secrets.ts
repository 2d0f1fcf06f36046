import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import type { SecretRequest } from './request.ts'

/** Where a secret is read from when a step wants it. */
export type SecretSource =
  /** Absolute. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'value'; readonly bytes: Uint8Array }

/** @throws {BuildError} `OPTION_INVALID` */
export function resolveSecret(id: string, request: SecretRequest): SecretSource {
  if (id === '') throw new BuildError('OPTION_INVALID', 'Cannot use a secret without an id')
  if ('file' in request && request.file !== '') return { kind: 'file', path: resolve(request.file) }
  if ('env' in request && request.env !== '') return { kind: 'env', name: request.env }
  if ('value' in request) return { kind: 'value', bytes: bytesOf(request.value) }
  throw new BuildError(
    'OPTION_INVALID',
    `Cannot use the secret ${JSON.stringify(id)}: it is neither a file, nor a variable, nor a value`,
  )
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)
}
