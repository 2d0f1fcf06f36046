import type { SourceRange } from './source-range.ts'

/** Stable names of failures. Scripts rely on them, so they outlive rewording; add freely, never rename. */
export type ErrorCode =
  // the request
  | 'OPTION_INVALID'
  | 'CONTEXT_INVALID'
  | 'DOCKERFILE_NOT_FOUND'
  | 'UNSUPPORTED'
  // the Dockerfile
  | 'DOCKERFILE_SYNTAX'
  | 'INSTRUCTION_INVALID'
  | 'INSTRUCTION_UNKNOWN'
  | 'VARIABLE_INVALID'
  | 'STAGE_INVALID'
  | 'STAGE_NOT_FOUND'
  | 'IGNORE_PATTERN_INVALID'
  | 'CHECK_FAILED'
  | 'NOT_ALLOWED'
  // sources
  | 'REFERENCE_INVALID'
  | 'IMAGE_NOT_FOUND'
  | 'IMAGE_INVALID'
  | 'PLATFORM_INVALID'
  | 'PLATFORM_NOT_FOUND'
  | 'PLATFORM_CANNOT_RUN'
  | 'COPY_SOURCE_MISSING'
  | 'COPY_CONFLICT'
  | 'OWNER_UNKNOWN'
  | 'ARCHIVE_INVALID'
  | 'PATH_ESCAPES'
  // git repositories and downloads
  | 'SOURCE_INVALID'
  | 'SOURCE_NOT_FOUND'
  | 'SOURCE_DENIED'
  | 'SOURCE_UNREACHABLE'
  | 'SOURCE_FAILED'
  | 'CHECKSUM_MISMATCH'
  | 'GIT_UNAVAILABLE'
  // execution
  | 'RUN_FAILED'
  | 'RUN_SIGNALED'
  | 'RUN_OUT_OF_MEMORY'
  | 'RUN_COMMAND_NOT_FOUND'
  | 'RUN_USER_UNKNOWN'
  | 'MOUNT_INVALID'
  | 'SECRET_NOT_FOUND'
  | 'SSH_AGENT_NOT_FOUND'
  | 'DEVICE_NOT_FOUND'
  | 'DEVICE_INVALID'
  | 'SANDBOX_UNAVAILABLE'
  | 'SANDBOX_FAILED'
  | 'EXECUTOR_DIED'
  // the store
  | 'DIGEST_INVALID'
  | 'DIGEST_MISMATCH'
  | 'BLOB_NOT_FOUND'
  | 'STORE_INVALID'
  | 'DISK_FULL'
  // registries
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_FAILED'
  | 'CREDENTIALS_INVALID'
  // outputs
  | 'OUTPUT_FAILED'
  | 'CANCELED'

export interface ErrorDetail {
  readonly hint?: string | undefined
  readonly source?: SourceRange | undefined
  readonly cause?: unknown
}

/** A failure the user can act on. A bug in this program stays a plain `Error` and keeps its stack. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
  readonly code: ErrorCode
  /** One thing to try next, as a full sentence. */
  readonly hint: string | undefined
  readonly source: SourceRange | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.hint = detail.hint
    this.source = detail.source
  }

  /** The same failure, placed in the Dockerfile. A place that is already known stays. */
  at(source: SourceRange | undefined): BuildError {
    if (this.source !== undefined || source === undefined) return this
    return new BuildError(this.code, this.message, { hint: this.hint, source, cause: this.cause })
  }
}

/** Several failures found in one go, in the order of the file. Stands for the first of them wherever one is expected. */
export class BuildErrors extends BuildError {
  readonly all: readonly BuildError[]

  constructor(first: BuildError, rest: readonly BuildError[]) {
    super(first.code, first.message, { hint: first.hint, source: first.source, cause: first.cause })
    this.all = [first, ...rest]
  }
}

/** Throws what was collected: nothing, the one failure, or all of them as `BuildErrors`. */
export function throwCollected(errors: readonly BuildError[]): void {
  const [first, ...rest] = errors
  if (first === undefined) return
  throw rest.length === 0 ? first : new BuildErrors(first, rest)
}

/** The failures that a `BuildError` stands for, at least one. */
export function failuresOf(error: BuildError): readonly BuildError[] {
  return error instanceof BuildErrors ? error.all : [error]
}
