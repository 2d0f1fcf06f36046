import * as z from 'zod/mini'
import { isDigest, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type ImageFile, type ImageIndex, type Manifest } from '../../core/image.ts'
import { isIndexType, isManifestType } from './media-type.ts'
import { normaliseImageFile, normaliseIndex, normaliseManifest } from './normalise.ts'

/** No manifest, index or config is ever so large, but for one that is meant to fill our memory.
 *  @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests */
export const largestDocumentBytes = 4 * 1024 * 1024

export type ManifestOrIndex =
  { readonly kind: 'manifest'; readonly manifest: Manifest } | { readonly kind: 'index'; readonly index: ImageIndex }

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is no sha256 digest')
const size = z.int().check(z.nonnegative())
const text = z.nullish(z.string())
const texts = z.nullish(z.array(z.string()))
const textMap = z.record(z.string(), z.string())
const annotations = z.pipe(z.nullish(textMap), z.transform(orUndefined))
const emptyMember = z.pipe(
  z.nullish(z.object({})),
  z.transform((): Record<string, never> => ({})),
)
const emptyMembers = z.nullish(z.record(z.string(), emptyMember))
const listOf = <Item extends z.ZodMiniType>(item: Item) => z.nullish(z.array(item).check(z.maxLength(10_000)))

const platform = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.optional(z.string()),
  'os.version': z.optional(z.string()),
})

const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size,
  annotations,
  platform: z.pipe(z.nullish(platform), z.transform(orUndefined)),
})

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  config: descriptor,
  layers: listOf(descriptor),
  annotations,
})

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  manifests: listOf(descriptor),
  annotations,
})

const healthcheck = z.object({
  Test: z.pipe(texts, z.transform(orUndefined)),
  Interval: z.optional(z.number()),
  Timeout: z.optional(z.number()),
  StartPeriod: z.optional(z.number()),
  StartInterval: z.optional(z.number()),
  Retries: z.optional(z.number()),
})

const imageFileSchema = z.object({
  architecture: text,
  os: text,
  variant: text,
  'os.version': text,
  created: text,
  author: text,
  config: z.nullish(
    z.object({
      User: text,
      ExposedPorts: emptyMembers,
      Env: texts,
      Entrypoint: texts,
      Cmd: texts,
      Healthcheck: z.nullish(healthcheck),
      ArgsEscaped: z.nullish(z.boolean()),
      Volumes: emptyMembers,
      WorkingDir: text,
      OnBuild: texts,
      Labels: z.nullish(textMap),
      StopSignal: text,
      Shell: texts,
    }),
  ),
  rootfs: z.nullish(z.object({ type: z.nullish(z.literal('layers')), diff_ids: listOf(digest) })),
  history: z.nullish(
    z.array(
      z.object({
        created: z.pipe(text, z.transform(orUndefined)),
        created_by: z.optional(z.string()),
        author: z.optional(z.string()),
        comment: z.optional(z.string()),
        empty_layer: z.optional(z.boolean()),
      }),
    ),
  ),
})

/** Checks a manifest or an index from outside. Which of the two it is, its own members tell, and must agree with what it calls itself and with what
 *  its sender calls it: else two readers could see two images in it.
 *  @param what names it in messages: `docker.io/library/debian:12`
 *  @param mediaType as its descriptor or its `Content-Type` has it; `undefined`: unknown
 *  @throws {BuildError} `IMAGE_INVALID`
 *  @see https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh */
export function parseManifestOrIndex(bytes: Uint8Array, mediaType: string | undefined, what: string): ManifestOrIndex {
  const json = parseJson(bytes, what)
  const members = typeof json === 'object' && json !== null ? json : {}
  const own = 'mediaType' in members && typeof members.mediaType === 'string' ? members.mediaType : undefined
  const isIndex = 'manifests' in members
  const isManifest = 'config' in members || 'layers' in members
  if ('schemaVersion' in members && members.schemaVersion === 1) {
    throw imageInvalid(what, 'it is a manifest of schema 1, which registries gave up in 2017')
  }
  if (isIndex && isManifest) throw imageInvalid(what, 'it is a manifest and an index at once')
  for (const claimed of [own, mediaType]) {
    if (claimed === undefined) continue
    if ((isIndexType(claimed) && !isIndex) || (isManifestType(claimed) && isIndex)) {
      throw imageInvalid(what, `it is not what it is called, ${claimed}`)
    }
  }
  if (isIndex) {
    const index = check(indexSchema, json, what)
    return {
      kind: 'index',
      index: normaliseIndex({ ...index, mediaType: own ?? known(mediaType, isIndexType) ?? mediaTypes.ociIndex }),
    }
  }
  const manifest = check(manifestSchema, json, what)
  return {
    kind: 'manifest',
    manifest: normaliseManifest({
      ...manifest,
      mediaType: own ?? known(mediaType, isManifestType) ?? mediaTypes.ociManifest,
    }),
  }
}

/** @throws {BuildError} `IMAGE_INVALID` */
export function parseImageFile(bytes: Uint8Array, what: string): ImageFile {
  return normaliseImageFile(check(imageFileSchema, parseJson(bytes, what), what))
}

/** @throws {BuildError} `IMAGE_INVALID` */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.byteLength > largestDocumentBytes)
    throw imageInvalid(what, `its ${bytes.byteLength} bytes are more than 4 MiB`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw imageInvalid(what, 'it is no JSON', error)
  }
}

/** @throws {BuildError} `IMAGE_INVALID`, naming the first member that is wrong */
export function check<Schema extends z.ZodMiniType>(schema: Schema, json: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.map(String).join('.') ?? ''
  throw imageInvalid(
    what,
    `${path === '' ? 'it' : `its ${path}`} ${issue === undefined ? 'is wrong' : described(issue)}`,
  )
}

function described(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'custom':
      return issue.message
    case 'invalid_type':
      return `is missing, or no ${issue.expected}`
    default:
      return 'is not what it should be'
  }
}

export function imageInvalid(what: string, why: string, cause?: unknown): BuildError {
  return new BuildError('IMAGE_INVALID', `Cannot use ${what}: ${why}`, { cause })
}

function known(mediaType: string | undefined, isKnown: (mediaType: string) => boolean): string | undefined {
  return mediaType !== undefined && isKnown(mediaType) ? mediaType : undefined
}

function orUndefined<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined
}
