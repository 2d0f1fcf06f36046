import type { CapabilityName, NamespaceKind } from '../../linux/index.ts'
import type { NamedLimit } from '../resource-limits.ts'
import type { SandboxMount } from '../sandbox.ts'
import type { SystemMount } from '../view.ts'

/** Everything the launcher must know about one process, as plain data: one line of JSON on its standard input. Paths outside the root are
 *  the executor's. */
export interface LaunchRequest {
  /** Whose descriptors these are, open for the process: in, out, error, and where the launcher tells how far it has come. */
  readonly executorPid: number
  readonly descriptors: readonly [input: number, output: number, error: number, status: number]
  /** The heap has grown since the last launch, which failed for it. */
  readonly heapHasGrown: boolean
  readonly confinement: Confinement
  readonly root: string
  /** As the process sees it. */
  readonly path: string
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** -1: no limit, since JSON has no infinity. */
  readonly limits: readonly NamedLimit[]
  readonly capabilities: readonly CapabilityName[]
  readonly filtersSyscalls: boolean
}

export type Confinement =
  | {
      readonly kind: 'namespaces'
      /** `pid` is one of them. */
      readonly namespaces: readonly NamespaceKind[]
      readonly hostname: string
      readonly systemMounts: readonly SystemMount[]
      readonly mounts: readonly SandboxMount[]
      readonly devices: readonly DevicePlan[]
      readonly maskedPaths: readonly string[]
      readonly readOnlyPaths: readonly string[]
    }
  | { readonly kind: 'chroot'; readonly network: 'shared' | 'none' }

/** One device of /dev. Made, or in a user namespace, where nobody may make any, bound from outside. */
export interface DevicePlan {
  readonly name: string
  readonly source: { readonly kind: 'make'; readonly major: number; readonly minor: number } | { readonly kind: 'bind' }
}

/** What the launcher writes to the status descriptor, a line each. `begun`: the new process lives. `executing`: everything is set up. Nothing behind
 *  that: the program runs. */
export type LaunchStatus =
  | { readonly kind: 'begun' }
  | { readonly kind: 'executing' }
  | { readonly kind: 'failed'; readonly step: string; readonly code: string; readonly message: string }

/** What the launcher answers to a request, one line each, in order. */
export type LaunchReply =
  { readonly kind: 'started'; readonly pid: number } | { readonly kind: 'refused'; readonly message: string }
