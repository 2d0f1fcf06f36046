import type { Digest } from '../../core/digest.ts'
import type { Warning } from '../../core/events.ts'
import type { Graph, VertexId } from '../../core/graph.ts'
import type { ImageFile, ImagePlan } from '../../core/image.ts'
import type { NetworkMode, RunLimits } from '../../core/ops.ts'
import { formatPlatform, type Platform } from '../../core/platform.ts'
import type { SourceRange } from '../../core/source-range.ts'

/** What the caller wants of a Dockerfile. */
export interface PlanOptions {
  readonly buildArgs: ReadonlyMap<string, string>
  /** A stage's name in any case, or its number from 0. `undefined`: the last stage. */
  readonly target: string | undefined
  readonly targetPlatform: Platform
  readonly buildPlatform: Platform
  /** Added to the image's labels, over those of the Dockerfile. */
  readonly labels: ReadonlyMap<string, string>
  /** For each RUN that does not ask for another. */
  readonly network: NetworkMode
  /** Steps to carry out even if their result is known: all, or those of the named stages. */
  readonly noCache: boolean | readonly string[]
  /** What stands in for images and stages of these names: the user's files, or an image that the caller resolves. */
  readonly namedContexts: ReadonlyMap<string, 'files' | 'image'>
  /** Ignore files by the name of their context, `context` being the build context. */
  readonly ignore: ReadonlyMap<string, IgnoreFile>
  readonly extraHosts: readonly ExtraHost[]
  /** For each RUN. */
  readonly limits: RunLimits
  /** What RUN instructions may ask for beyond the ordinary, by the names that `--allow` has: `network.host`, `security.insecure`. */
  readonly entitlements: ReadonlySet<string>
  /** Several platforms are built at once: names of steps say which. */
  readonly multiPlatform: boolean
}

export interface IgnoreFile {
  readonly text: string
  /** The name that positions carry. */
  readonly file: string
}

export interface ExtraHost {
  readonly host: string
  readonly address: string
}

/** An image whose digest and config the plan depends on. */
export interface ImageQuestion {
  /** Registry, repository, and tag or digest; or the name of a named context. */
  readonly reference: string
  readonly platform: Platform
  /** The first place that asks. */
  readonly source: SourceRange
}

export interface ImageAnswer {
  /** Digest of the manifest for one platform. */
  readonly digest: Digest
  readonly platform: Platform
  readonly file: ImageFile
}

/** By `questionKey()`. */
export type ImageAnswers = ReadonlyMap<string, ImageAnswer>

/** Equal for equal questions, wherever they are asked. */
export function questionKey({ reference, platform }: Pick<ImageQuestion, 'reference' | 'platform'>): string {
  return `${reference} ${formatPlatform(platform)}`
}

export type PlanResult =
  | { readonly kind: 'questions'; readonly questions: readonly ImageQuestion[] }
  | { readonly kind: 'plan'; readonly plan: BuildPlan }

/** All that is to be done for one target on one platform. */
export interface BuildPlan {
  readonly graph: Graph
  readonly target: VertexId
  readonly image: ImagePlan
  readonly warnings: readonly Warning[]
  /** Build arguments that nothing declares: most likely misspelt. */
  readonly unusedBuildArgs: readonly string[]
}
