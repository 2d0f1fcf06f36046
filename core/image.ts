import type { Digest } from './digest.ts'
import type { Platform } from './platform.ts'

/** @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly platform?: DescriptorPlatform | undefined
}

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface DescriptorPlatform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  readonly 'os.version'?: string | undefined
}

/** @see https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface ImageIndex {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** The image's config file.
 *  @see https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageFile {
  readonly architecture: string
  readonly os: string
  readonly variant?: string | undefined
  readonly 'os.version'?: string | undefined
  readonly created?: string | undefined
  readonly author?: string | undefined
  readonly config: ImageConfig
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] }
  readonly history: readonly HistoryEntry[]
}

/** The execution defaults of containers, with Docker's additions (`Healthcheck`, `OnBuild`, `Shell`, `ArgsEscaped`). */
export interface ImageConfig {
  readonly User?: string | undefined
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>> | undefined
  readonly Env?: readonly string[] | undefined
  readonly Entrypoint?: readonly string[] | undefined
  readonly Cmd?: readonly string[] | undefined
  readonly Healthcheck?: Healthcheck | undefined
  readonly ArgsEscaped?: boolean | undefined
  readonly Volumes?: Readonly<Record<string, Record<string, never>>> | undefined
  readonly WorkingDir?: string | undefined
  readonly OnBuild?: readonly string[] | undefined
  readonly Labels?: Readonly<Record<string, string>> | undefined
  readonly StopSignal?: string | undefined
  readonly Shell?: readonly string[] | undefined
}

/** Durations are nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[] | undefined
  readonly Interval?: number | undefined
  readonly Timeout?: number | undefined
  readonly StartPeriod?: number | undefined
  readonly StartInterval?: number | undefined
  readonly Retries?: number | undefined
}

export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string | undefined
  readonly created_by?: string | undefined
  readonly author?: string | undefined
  readonly comment?: string | undefined
  readonly empty_layer?: boolean | undefined
}

/** What a build makes of a target: everything about the image but its layers' digests. */
export interface ImagePlan {
  readonly platform: Platform
  readonly author: string | undefined
  readonly config: ImageConfig
  /** RFC 3339. `undefined`: when its newest layer was made. */
  readonly created: string | undefined
  /** The base's entries as they were, then one for each instruction; what has no `created` is given one by assembly. */
  readonly history: readonly HistoryEntry[]
}

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
} as const
