import type { Digest } from './digest.ts'
import type { GitSource } from './git-source.ts'
import type { Platform } from './platform.ts'
import type { Ulimit } from './ulimits.ts'

/** What to do, as plain data. Fields named `unkeyed` tell the machinery how to do it, but cannot change the result as far as
 *  a key is concerned: `keyedOp()` leaves them out. */
export type Op = ScratchOp | ImageOp | ContextOp | RunOp | FilesOp | MergeOp | GitOp | HttpOp

/** The empty tree. Takes no input. */
export interface ScratchOp {
  readonly type: 'scratch'
}

/** The tree of an image, wherever it comes from: registry, store, OCI layout or archive. Takes no input. */
export interface ImageOp {
  readonly type: 'image'
  /** Digest of the manifest of one platform. */
  readonly digest: Digest
  readonly platform: Platform
  /** The name that the user wrote, and what it was taken to mean. */
  readonly unkeyed: { readonly reference: string }
}

/** Files of the user's. Takes no input. Has no key of its own: what is taken from it enters the key of the taker. */
export interface ContextOp {
  readonly type: 'context'
  /** `context` is the build context, else a named one. */
  readonly name: string
  /** The lines of `.dockerignore`, cleaned, in order; `!` first means "take after all". */
  readonly ignore: readonly string[]
  /** What the patterns come from, to tell people why a file is not there. */
  readonly unkeyed: { readonly ignoreFile: WrittenIgnore | undefined }
}

/** An ignore file as the user wrote it. */
export interface WrittenIgnore {
  readonly file: string
  /** Parallel to the patterns: the number of the line, from 1, and what it says. */
  readonly lines: readonly { readonly number: number; readonly text: string }[]
}

/** One checkout of a git repository: root's files, with plain modes. Takes no input. */
export interface GitOp {
  readonly type: 'git'
  /** In full. Names the content wherever it is fetched from. */
  readonly commit: string
  readonly submodules: boolean
  /** The time that files get: that of the checkout, or that of the commit. */
  readonly mtime: 'checkout' | 'commit'
  /** Whether its `.git` comes along, which tells where it is from: without credentials, and by which reference. */
  readonly gitDirectory: { readonly origin: string; readonly name: string | undefined } | undefined
  readonly unkeyed: { readonly source: GitSource }
}

/** One downloaded file, root's and for root alone, at the root of a tree. Takes no input. */
export interface HttpOp {
  readonly type: 'http'
  readonly digest: Digest
  readonly fileName: string
  readonly unkeyed: {
    /** Seconds since 1970. */
    readonly mtimeSeconds: number
  }
}

/** One process on a tree: `inputs[0]` is the tree, further inputs are what bind mounts show. */
export interface RunOp {
  readonly type: 'run'
  readonly argv: readonly string[]
  /** In order; a later entry of the same name wins. */
  readonly env: readonly EnvEntry[]
  /** Absolute, clean. Made when missing. */
  readonly cwd: string
  /** Whose programs these are. */
  readonly platform: Platform
  /** As USER has it: `name`, `uid`, `name:group`, `uid:gid`, empty for root. Looked up in the tree. */
  readonly user: string
  readonly mounts: readonly Mount[]
  readonly secretVariables: readonly SecretVariable[]
  /** Devices of the machine, by the names of the Container Device Interface. */
  readonly devices: readonly { readonly name: string; readonly required: boolean }[]
  readonly network: NetworkMode
  readonly security: 'sandbox' | 'insecure'
  readonly hostname: string
  /** Names only: their addresses are in `unkeyed`. */
  readonly extraHosts: readonly string[]
  readonly limits: RunLimits
  readonly unkeyed: {
    /** Proxy settings, added to `env` for the process. */
    readonly proxyEnv: readonly EnvEntry[]
    /** Parallel to `extraHosts`. */
    readonly extraHostAddresses: readonly string[]
    /** Keeps ids of cache mounts apart from those of builds with another one. */
    readonly cacheNamespace: string
  }
}

export interface RunLimits {
  /** Size of /dev/shm. `undefined`: 64 MiB, as Docker has it. */
  readonly shmSizeBytes: number | undefined
  readonly ulimits: readonly Ulimit[]
  /** Absolute path of the control group that a run's own is made below. `undefined`: it has none of its own. */
  readonly cgroupParent: string | undefined
}

export interface EnvEntry {
  readonly name: string
  readonly value: string
}

export type NetworkMode = 'default' | 'none' | 'host'

export type Mount =
  | {
      readonly kind: 'bind'
      readonly target: string
      /** Index into the vertex's inputs. */
      readonly from: number
      readonly source: string
      readonly readOnly: boolean
    }
  /** A file made for this process alone, such as the script of a heredoc. Read-only. */
  | { readonly kind: 'file'; readonly target: string; readonly content: string; readonly mode: number }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined }
  | CacheMount
  | SecretMount
  | SshMount

/** A socket that leads to one of the caller's ssh agents. */
export interface SshMount {
  readonly kind: 'ssh'
  readonly target: string
  readonly id: string
  /** Else an agent that the caller does not have is no socket. */
  readonly required: boolean
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A file in memory that holds one of the caller's secrets, which no key knows. */
export interface SecretMount {
  readonly kind: 'secret'
  readonly target: string
  readonly id: string
  /** Else a secret that the caller does not have is no file. */
  readonly required: boolean
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A variable that holds one of the caller's secrets, which no key knows. Wins over `env`. */
export interface SecretVariable {
  readonly name: string
  readonly id: string
  /** Else a secret that the caller does not have is no variable. */
  readonly required: boolean
}

/** A directory that outlives the build. What is in it has no part in the result, and so none in a key. */
export interface CacheMount {
  readonly kind: 'cache'
  readonly target: string
  /** Mounts of one id, in any build, show one directory. */
  readonly id: string
  /** What others find who want it at the same time: the same directory, one of their own, or that they have to wait. */
  readonly sharing: CacheSharing
  readonly readOnly: boolean
  /** What a new directory begins as: a copy of this one. `undefined`: empty. */
  readonly seed: { readonly from: number; readonly source: string } | undefined
  /** Of a new directory. `undefined`: the seed's, else 0755 and root. */
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
}

export type CacheSharing = 'shared' | 'private' | 'locked'

/** Changes to a tree: `inputs[0]` is the tree, further inputs are what is copied from. The actions are carried out in order. */
export interface FilesOp {
  readonly type: 'files'
  readonly actions: readonly FileAction[]
}

export type FileAction = CopyAction | MakeDirectoryAction | WriteFileAction

export interface CopyAction {
  readonly action: 'copy'
  /** Index into the vertex's inputs. */
  readonly from: number
  /** Paths below the input's root, with Go's `filepath.Match` patterns where `wildcards` allows. Never empty. */
  readonly sources: readonly string[]
  /** Absolute. A trailing `/` says "into this directory". */
  readonly destination: string
  readonly wildcards: boolean
  /** `auto`: a local archive is unpacked, as ADD does; `never`: copied, as COPY does. */
  readonly unpack: 'auto' | 'never'
  readonly owner: Owner | undefined
  readonly mode: ModeChange | undefined
  /** Patterns as in `.dockerignore`, relative to each source. */
  readonly excludes: readonly string[]
  /** Keep the source's path below the destination (COPY --parents). */
  readonly parents: boolean
}

/** Makes the directory and its missing parents; an existing one stays as it is. */
export interface MakeDirectoryAction {
  readonly action: 'make-directory'
  readonly path: string
  readonly mode: number
  readonly owner: Owner | undefined
  /** What a user name that the tree does not know means: WORKDIR takes root then, BuildKit's habit. */
  readonly unknownOwner: 'root' | 'error'
  /** Time of what is made. `undefined`: now. */
  readonly mtimeSeconds: number | undefined
}

export interface WriteFileAction {
  readonly action: 'write-file'
  /** Absolute; a trailing `/`, or an existing directory, takes the file under `name`. */
  readonly destination: string
  readonly name: string
  readonly content: string
  readonly mode: ModeChange | undefined
  readonly owner: Owner | undefined
}

/** Names are looked up in the tree's /etc/passwd and /etc/group. */
export interface Owner {
  /** Name or decimal number. */
  readonly user: string
  /** Name or decimal number. `undefined`: the same number for a numeric user, the primary group for a named one. */
  readonly group: string | undefined
}

/** `octal`: the permission bits, 0 to 0o7777. `symbolic`: as chmod(1) has it, `u=rwX,go=rX`. */
export type ModeChange =
  { readonly kind: 'octal'; readonly mode: number } | { readonly kind: 'symbolic'; readonly text: string }

/** Layers of the further inputs stacked on `inputs[0]`: what `COPY --link` means. */
export interface MergeOp {
  readonly type: 'merge'
}

/** The part of an op that its keys are made of. */
export function keyedOp(op: Op): unknown {
  if (!('unkeyed' in op)) return op
  const { unkeyed: _, ...keyed } = op
  return keyed
}
