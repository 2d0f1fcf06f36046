import type { Command } from '../command.ts'

/** Where an image goes: the builder's own store, an OCI archive, or a registry. Layers of archives are gzip, if nothing else is said. */
export type Output =
  | { readonly kind: 'store' }
  | { readonly kind: 'archive'; readonly path: string; readonly compression?: 'gzip' | 'zstd' }
  | { readonly kind: 'registry' }

export interface BuildRequest {
  /** Folder, with its Dockerfile. */
  readonly context: string
  /** Name of the image; with its registry, if it goes there. */
  readonly name: string
  /** Carry every step out, whatever is known of it. */
  readonly noCache?: boolean
  readonly output: Output
}

/** A program that builds images, with a store that is the benchmark's alone. */
export interface Builder {
  readonly name: string
  /** As it says itself. */
  readonly version: string
  /** Processes that work for it, besides those that its commands start. */
  readonly daemons: readonly number[]
  /** It can write OCI archives. */
  readonly writesArchives: boolean
  /** What builds an image, one command after the other. */
  commands(request: BuildRequest): readonly Command[]
  /** Empties its store: images, layers, and all that it knows of earlier builds. */
  forget(): Promise<void>
}
