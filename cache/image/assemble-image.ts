import { digestOf, type Digest } from '../../core/digest.ts'
import type { Descriptor, Healthcheck, HistoryEntry, ImageConfig, ImagePlan } from '../../core/image.ts'
import { goJson, goTime, sortedMap, unlessEmpty } from './go-json.ts'
import { configTypeIn, layerTypeIn, manifestTypeIn, type MediaTypeFamily } from './media-type-family.ts'
import { descriptorPlatform, writeDescriptor } from './write-descriptor.ts'

/** Bytes to store, and the descriptor that points at them. */
export interface Document {
  readonly bytes: Uint8Array
  readonly descriptor: Descriptor
}

export interface ImageParts {
  readonly plan: ImagePlan
  /** From the lowest to the topmost, the base's first. A layer's media type is translated into the image's family where they differ. */
  readonly layers: readonly ImageLayer[]
  /** Of the image, and of the history entries that have no time of their own. `undefined` leaves the times out. */
  readonly created: Date | undefined
  readonly mediaTypes: MediaTypeFamily
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

export interface ImageLayer {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest
  readonly blob: Descriptor
}

export interface AssembledImage {
  /** Its descriptor names the platform, as an index wants it. */
  readonly manifest: Document
  readonly config: Document
}

/** The manifest and the config of an image: equal parts give equal bytes, spelled as BuildKit spells them, but for empty lists, which
 *  BuildKit writes as `null` against the specification.
 *  @throws {Error} when the history tells of more or fewer layers than there are: our bug
 *  @see https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export function assembleImage(parts: ImageParts): AssembledImage {
  const { plan, layers, mediaTypes, annotations } = parts
  const told = plan.history.filter((entry) => entry.empty_layer !== true).length
  if (told !== layers.length) throw new Error(`the history tells of ${told} layers, but there are ${layers.length}`)
  const config = documentOf(configTypeIn(mediaTypes), goJson(configFile(parts)))
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestTypeIn(mediaTypes),
    config: config.descriptor,
    layers: layers.map(({ blob }) =>
      writeDescriptor({ ...blob, mediaType: layerTypeIn(mediaTypes, blob.mediaType), platform: undefined }),
    ),
    annotations: sortedMap(annotations),
  }
  const { bytes, descriptor } = documentOf(manifest.mediaType, goJson(manifest, '  '))
  return { manifest: { bytes, descriptor: { ...descriptor, platform: descriptorPlatform(plan.platform) } }, config }
}

export function documentOf(mediaType: string, text: string): Document {
  const bytes = Buffer.from(text)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}

/** Members in the order of their names: BuildKit puts the file together as a map. */
function configFile({ plan, layers, created }: ImageParts): unknown {
  const time = created === undefined ? undefined : goTime(created)
  return {
    architecture: plan.platform.architecture,
    author: unlessEmpty(plan.author),
    config: writeConfig(plan.config),
    created: time,
    history: plan.history.map((entry) => writeHistory(entry, time)),
    os: plan.platform.os,
    'os.version': unlessEmpty(plan.platform.osVersion),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    variant: unlessEmpty(plan.platform.variant),
  }
}

/** @see https://github.com/opencontainers/image-spec/blob/main/specs-go/v1/config.go */
function writeConfig(config: ImageConfig): unknown {
  return {
    User: unlessEmpty(config.User),
    ExposedPorts: sortedMap(config.ExposedPorts),
    Env: unlessEmpty(config.Env),
    Entrypoint: unlessEmpty(config.Entrypoint),
    Cmd: unlessEmpty(config.Cmd),
    Volumes: sortedMap(config.Volumes),
    WorkingDir: unlessEmpty(config.WorkingDir),
    Labels: sortedMap(config.Labels),
    StopSignal: unlessEmpty(config.StopSignal),
    ArgsEscaped: unlessEmpty(config.ArgsEscaped),
    Healthcheck: config.Healthcheck === undefined ? undefined : writeHealthcheck(config.Healthcheck),
    OnBuild: unlessEmpty(config.OnBuild),
    Shell: unlessEmpty(config.Shell),
  }
}

function writeHealthcheck(check: Healthcheck): unknown {
  return {
    Test: unlessEmpty(check.Test),
    Interval: unlessEmpty(check.Interval),
    Timeout: unlessEmpty(check.Timeout),
    StartPeriod: unlessEmpty(check.StartPeriod),
    StartInterval: unlessEmpty(check.StartInterval),
    Retries: unlessEmpty(check.Retries),
  }
}

/** The base's entries have their times already. */
function writeHistory(entry: HistoryEntry, created: string | undefined): unknown {
  return {
    created: entry.created ?? created,
    created_by: unlessEmpty(entry.created_by),
    author: unlessEmpty(entry.author),
    comment: unlessEmpty(entry.comment),
    empty_layer: unlessEmpty(entry.empty_layer),
  }
}
