import type { Builder, BuildRequest } from '../builders/builder.ts'
import type { Command } from '../command.ts'
import type { BaseImage } from '../base-image.ts'

/** Where a workload finds and puts things. */
export interface Place {
  /** Its own, empty folder. */
  readonly folder: string
  /** Factor of all sizes and numbers of files. */
  readonly scale: number
  /** `127.0.0.1:<port>` of a registry. */
  readonly registry: string
  /** What the registry was asked so far: `PUT /v2/app/manifests/1 201`. */
  readonly requests: () => readonly string[]
  /** Forgets all that the registry has. */
  emptyRegistry(): void
  readonly base: BaseImage
}

/** One build that is timed. */
export interface Measurement {
  readonly name: string
  /** The image goes into an OCI archive, which not every builder can write. */
  readonly isArchive?: boolean
  /** What has to be so before; not timed. */
  setUp?(builder: Builder): Promise<void>
  request(builder: Builder, round: number): BuildRequest
  /** Looks at the image's files. `round` is the one that was built, and `builder` built it.
   *  @throws {Error} if they are not what the Dockerfile asks for, or were not had in the way that the builder promises */
  check(root: string, round: number, builder: Builder): void
}

/** What no builder that does the same work can be faster than, more or less. */
export interface Floor {
  readonly name: string
  /** Name of the measurement. */
  readonly of: string
  /** What has to be so before; not timed. */
  readonly setUp?: Command
  readonly commands: readonly Command[]
}

export interface Prepared {
  /** In order: a build may rest on what the one before has left. */
  readonly measurements: readonly Measurement[]
  readonly floors: readonly Floor[]
}

export interface Workload {
  readonly name: string
  /** Program without which it is left out. */
  readonly needs?: string
  /** Its base image takes a minute and a mirror of packages to make, at any scale. */
  readonly isSlowToPrepare?: boolean
  prepare(place: Place): Prepared
}

/** A whole number, at least 1. */
export function scaled(count: number, scale: number): number {
  return Math.max(1, Math.round(count * scale))
}
