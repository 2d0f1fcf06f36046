import type { Digest } from '../../core/digest.ts'
import type { FilesOp, RunOp } from '../../core/ops.ts'
import type { DeviceEdits } from '../ops/devices.ts'
import type { Selection } from '../files/select-sources.ts'
import type { FormerLayer } from '../diff/block-memory.ts'
import type { PackedArchive, PackedLayer, PackOptions } from '../diff/pack-layer.ts'
import type { MountedImage } from '../erofs/index.ts'
import type { IsolationName } from '../sandbox/sandbox.ts'
import type { OutsideTree } from '../sources/source-tree.ts'
import type { TreeAnswers } from '../tree/remembered-tree.ts'
import type { UnpackResult } from '../unpack/unpack-entries.ts'
import type { StoredArchive } from '../unpack/unpack-layer.ts'
import type { SentError } from './sent-error.ts'

/** What the front asks of the executor process. Plain data both ways; paths are absolute; layer directories stand lowest first. */
export interface ExecutorCalls {
  /** Has what is made in these folders lie apart on the disk, where the file system can do that. */
  scatter(request: ScatterCall): void
  /** Has threads ready for calls that keep a processor busy. */
  startThreads(request: undefined): void
  /** Chooses the sandbox for all later runs. */
  openSandbox(request: SandboxCall): OpenedSandbox
  run(request: RunCall): void
  /** Where the layer became an image, which it may where it is large: the digest of its archive. */
  files(request: FilesCall): Digest | undefined
  /** Carries out a copy of which little has changed since an earlier build, as a revision of the image that it left then. */
  revise(request: ReviseCall): void
  unpack(request: UnpackCall): UnpackedLayer
  /** Shows an image's files below a path where nothing is, until this process ends; false: it cannot. */
  mountImage(request: MountImageCall): boolean
  unpackContext(request: UnpackContextCall): void
  /** Makes a variant of an unpacked layer that fits what lies below it. */
  rebase(request: RebaseCall): void
  pack(request: PackCall): PackedLayer
  packImage(request: PackImageCall): PackedArchive
  /** Digest of such an archive. */
  digestImage(request: ImageArchive): Digest
  /** Carries file actions out straight into the layer's archive, without writing the layer first. `undefined`: they do more than that allows, and
   *  nothing has been done. */
  packFiles(request: PackFilesCall): PackedFiles | undefined
  /** Packs a layer that is there as an archive, whatever that is compressed with. */
  recompress(request: RecompressCall): PackedLayer
  digestSelection(request: DigestCall): Digest
  exportTree(request: ExportCall): void
}

export interface ScatterCall {
  readonly folders: readonly string[]
}

export interface SandboxCall {
  readonly isolation: 'auto' | IsolationName
  /** How many files the user's own processes may have open. */
  readonly openFiles: number | undefined
  /** Of the build's lease. */
  readonly owner: string
}

export interface OpenedSandbox {
  readonly name: IsolationName
  readonly fallbackReason: string | undefined
}

export interface RunCall {
  readonly op: RunOp
  readonly lower: readonly string[]
  readonly sources: readonly SourceTree[]
  /** Folders of caches, by the ids of the op; made when they are missing. The caller holds them for this run. */
  readonly caches: ReadonlyMap<string, string>
  /** By the ids of the op; those that the caller has. They are kept in memory only. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
  /** Sockets of ssh agents, by the ids of the op. */
  readonly agents: ReadonlyMap<string, string>
  readonly devices: readonly DeviceEdits[]
  /** Where the finished layer directory goes; nothing is there yet. */
  readonly layer: string
  /** A path on the store's file system where nothing is, for the time of the call. */
  readonly scratch: string
}

export interface FilesCall {
  readonly op: FilesOp
  readonly lower: readonly string[]
  readonly sources: readonly SourceTree[]
  readonly layer: string
  /** Where an image of the layer may go instead; without it, there has to be a folder. */
  readonly image?: string | undefined
  readonly scratch: string
  /** Nanoseconds since the epoch. */
  readonly nowNs: bigint
}

export interface ReviseCall extends Omit<FilesCall, 'layer' | 'image'> {
  readonly earlier: EarlierCopy
  /** Paths in the source of what is new, or not the same any more. Nothing is gone. */
  readonly changed: readonly string[]
  /** Where the finished folder goes; nothing is there yet. */
  readonly revision: string
}

/** A layer that an earlier build has left as an image, of the same copy onto the same layers. */
export interface EarlierCopy {
  /** The layer's name. */
  readonly name: string
  readonly image: string
  /** Where the image's files are seen. */
  readonly files: string
}

/** What is copied from, or shown by a bind mount. */
export type SourceTree = OutsideTree | { readonly kind: 'layers'; readonly layers: readonly string[] }

export interface UnpackCall {
  readonly archive: StoredArchive
  /** Digest that the uncompressed archive must have. */
  readonly diffId: string
  readonly layer: string
  /** Where an image of the layer may go instead; without it, there has to be a folder. */
  readonly image?: string | undefined
  readonly scratch: string
}

export type MountImageCall = MountedImage

export interface UnpackContextCall {
  readonly archive: string
  /** An existing empty folder. */
  readonly folder: string
}

/** What of a layer depends on what lies below it. */
export type UnpackedLayer = UnpackResult

export interface RebaseCall {
  readonly from: string
  readonly lower: readonly string[]
  readonly unpacked: UnpackedLayer
  readonly layer: string
  readonly scratch: string
}

export interface PackCall extends PackTarget {
  readonly folder: string
  readonly lower: readonly string[]
}

/** The archive that an image was made of. */
export interface ImageArchive {
  readonly image: string
  /** Folder of a revision of it: then the archive is the revised layer's. */
  readonly revision: string | undefined
}

export interface PackImageCall extends PackTarget, ImageArchive {
  /** The image's own archive, packed in the same way. */
  readonly packed: FormerLayer | undefined
}

interface PackTarget extends PackOptions {
  /** Where the archive goes; nothing is there yet. `undefined`: only the digests are wanted. */
  readonly path: string | undefined
}

export interface PackFilesCall extends Omit<FilesCall, 'layer' | 'image' | 'scratch'>, PackOptions {
  /** Where the archive goes; nothing is there yet. */
  readonly path: string
}

export interface PackedFiles {
  readonly packed: PackedLayer
  /** What it took to know of the tree below; `undefined` for a large copy. */
  readonly answers: TreeAnswers | undefined
}

export interface RecompressCall extends PackOptions {
  readonly blob: string
  /** Digest that the uncompressed archive must have. */
  readonly diffId: string
  /** Where the new archive goes; nothing is there yet. */
  readonly path: string
}

export interface DigestCall {
  readonly source: SourceTree
  readonly selection: Selection
}

export interface ExportCall {
  /** Each with the folder that its files go below; empty for none. */
  readonly trees: readonly { readonly layers: readonly string[]; readonly below: string }[]
  readonly target:
    /** An existing empty folder, which the caller merges into the destination: files that this has already, just so, are left out. Everything in it will be the
     *  caller's. */
    | { readonly kind: 'folder'; readonly path: string; readonly destination: string }
    /** A new file. Owners are kept. */
    | { readonly kind: 'tar'; readonly path: string }
}

export type CallName = keyof ExecutorCalls
export type CallRequest<Name extends CallName> = Parameters<ExecutorCalls[Name]>[0]
export type CallResult<Name extends CallName> = ReturnType<ExecutorCalls[Name]>

export type ToExecutor =
  | { readonly type: 'call'; readonly id: number; readonly name: CallName; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number }
  /** The front hangs up next, and cleans up afterwards. Without this it was killed. */
  | { readonly type: 'end' }

export type FromExecutor =
  | { readonly type: 'ready' }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: SentError }
  | { readonly type: 'output'; readonly id: number; readonly stream: 'stdout' | 'stderr'; readonly chunk: Uint8Array }
