import type { NetworkMode } from '../../core/ops.ts'
import type { Ulimit } from '../../core/ulimits.ts'

export type IsolationName = 'oci' | 'native' | 'chroot'

/** Runs one process at a time, or several beside each other, each in a root file system of its own. Every implementation gives the
 *  process the same view: file system, user, environment, `/proc`, `/sys`, `/dev`, hostname. */
export interface Sandbox {
  readonly name: IsolationName
  /** Why this one and not one that is preferred to it, for people; `undefined` when there is none. */
  readonly fallbackReason: string | undefined
  /** Resolves when the process has ended, however it ended, and everything it started is gone. Mounts made for it are gone too.
   *  @throws {BuildError} `RUN_COMMAND_NOT_FOUND` when `argv[0]` is not in the root or cannot be executed, `IMAGE_INVALID` when /proc, /sys
   *  or /dev of the root is no directory, `SANDBOX_UNAVAILABLE` for what this implementation cannot keep (chroot: a process without network),
   *  `SANDBOX_FAILED` when the sandbox could not be set up. A process that fails is no error here. Aborting kills the whole process tree, waits for its end, and
   *  throws `signal.reason`. */
  run(process: SandboxProcess, io: SandboxIo): Promise<SandboxExit>
  /** Ends what was made ready for later runs. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface SandboxProcess {
  /** Absolute path of the root file system: a directory, or where an overlay is mounted. The directories `proc`, `sys`, `dev`, and every mount
   *  target below, are there already. */
  readonly root: string
  /** A folder of this run's own, for bundles, logs and the like; outside the root. The caller removes it. */
  readonly scratch: string
  readonly argv: readonly string[]
  /** `NAME=value`; `argv[0]` is looked up in its PATH. */
  readonly env: readonly string[]
  /** Absolute inside the root; exists. */
  readonly cwd: string
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly hostname: string
  readonly network: NetworkMode
  readonly security: 'sandbox' | 'insecure'
  readonly mounts: readonly SandboxMount[]
  readonly shmSizeBytes: number
  readonly ulimits: readonly Ulimit[]
  /** Absolute path of a control group that this process's own is made below; `undefined`: it gets none. */
  readonly cgroupParent?: string | undefined
}

/** Targets are absolute inside the root. They contain no symbolic link: the caller resolved them in there. */
export type SandboxMount =
  | {
      readonly kind: 'bind'
      /** Absolute path outside the root; a directory or a file. */
      readonly source: string
      readonly target: string
      /** Always `nosuid,nodev` too when `hardened`, and `noexec` when `noExec`. */
      readonly readOnly: boolean
      readonly hardened: boolean
      readonly noExec: boolean
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined; readonly mode: number }

export interface SandboxIo {
  readonly signal: AbortSignal
  /** Called as output arrives, never after `run()` has settled. */
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void
}

export type SandboxExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: string; readonly outOfMemory: boolean }
