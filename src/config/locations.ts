import { resolve } from 'node:path'
import { BuildError } from '../../core/errors.ts'
import { isGitContext, isHttpSource, parseGitSource, type GitSource } from '../../core/git-source.ts'
import { redactCredentials } from '../../core/url-credentials.ts'
import { isFolder } from './is-folder.ts'

/** Bytes as they come, each chunk once. */
export type ByteStream = AsyncIterable<Uint8Array>

/** Where the build context is. */
export type ContextLocation =
  /** Absolute path. */
  | { readonly kind: 'folder'; readonly path: string }
  /** An archive, or a Dockerfile. `bytes` is `undefined` for the process's standard input. */
  | { readonly kind: 'stream'; readonly bytes: ByteStream | undefined }
  | { readonly kind: 'git'; readonly source: GitSource }
  /** Of an archive, or of a Dockerfile. */
  | { readonly kind: 'url'; readonly url: string }

/** Where the Dockerfile is. */
export type FileLocation =
  /** As it was given: of the machine when the context is a folder, else of the context. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'url'; readonly url: string }

/** @throws {BuildError} `OPTION_INVALID`, `SOURCE_INVALID` */
export function parseContextLocation(context: unknown): ContextLocation {
  if (isByteStream(context)) return { kind: 'stream', bytes: context }
  const text = requiredText('context', context)
  if (text === '-') return { kind: 'stream', bytes: undefined }
  if (isGitContext(text) && !isFolderHere(text)) return { kind: 'git', source: parseGitSource(text) }
  return isHttpSource(text) ? { kind: 'url', url: checkedUrl(text) } : { kind: 'folder', path: resolve(text) }
}

/** `user@host:path` and `github.com/owner/repository` may be names of folders, which go before addresses, as with docker. */
function isFolderHere(text: string): boolean {
  return !text.includes('://') && isFolder(resolve(text))
}

/** @throws {BuildError} `OPTION_INVALID` */
export function parseFileLocation(file: unknown): FileLocation {
  const text = requiredText('file', file)
  if (text === '-') return { kind: 'stdin' }
  return /^https?:\/\//i.test(text) ? { kind: 'url', url: checkedUrl(text) } : { kind: 'path', path: text }
}

function isByteStream(value: unknown): value is ByteStream {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function requiredText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new BuildError('OPTION_INVALID', `${JSON.stringify(name)} must be a path; got ${JSON.stringify(value)}`)
}

function checkedUrl(text: string): string {
  if (URL.canParse(text)) return text
  throw new BuildError('OPTION_INVALID', `${JSON.stringify(redactCredentials(text))} is no URL`)
}
