import type { BuildRequest } from '../config/request.ts'

export type ProgressKind = 'auto' | 'plain' | 'quiet' | 'rawjson'

/** What `stave build` was asked to do. */
export interface BuildInvocation {
  readonly request: BuildRequest
  readonly progress: ProgressKind
  readonly iidFile: string | undefined
  readonly metadataFile: string | undefined
}
