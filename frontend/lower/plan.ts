import type { Digest } from '../../core/digest.ts'
import type { Warning } from '../../core/events.ts'
import type { GitSource } from '../../core/git-source.ts'
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
  /** What stands in for images and stages of these names: the user's files, an image that the caller resolves, or nothing at all. */
  readonly namedContexts: ReadonlyMap<string, 'files' | 'image' | 'scratch'>
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

/** What the plan depends on and cannot know: what a name outside stands for now. */
export type Question = ImageQuestion | GitQuestion | HttpQuestion | TimeQuestion

/** An image: what are its digest and its config? */
export interface ImageQuestion {
  readonly kind: 'image'
  /** Registry, repository, and tag or digest; or the name of a named context. */
  readonly reference: string
  readonly platform: Platform
  /** The first place that asks. */
  readonly source: SourceRange
  /** A stage starts with it, so that its config matters; of others only files are taken. */
  readonly isBase?: true
}

/** A git repository: which commit is meant? */
export interface GitQuestion {
  readonly kind: 'git'
  readonly git: GitSource
  readonly source: SourceRange
}

/** A URL: what is the digest of the file? */
export interface HttpQuestion {
  readonly kind: 'http'
  /** May hold credentials. */
  readonly url: string
  /** What the digest must be. */
  readonly checksum: Digest | undefined
  readonly source: SourceRange
}

/** A source: when was what it stands for now made? */
export interface TimeQuestion {
  readonly kind: 'time'
  readonly of: TimedSource
  /** `undefined`: no line of the file asks, but a build argument. */
  readonly source: SourceRange | undefined
}

/** A context by its name, `context` being the build context; or what an ADD takes from elsewhere. */
export type TimedSource = { readonly kind: 'context'; readonly name: string } | GitQuestion | HttpQuestion

export interface ImageAnswer {
  readonly kind: 'image'
  /** Digest of the manifest for one platform. */
  readonly digest: Digest
  readonly platform: Platform
  readonly file: ImageFile
  /** The image could not be had, and `file` says nothing of it: what depends on its config is not checked. */
  readonly isUnknown?: true
}

export interface GitAnswer {
  readonly kind: 'git'
  /** In full. */
  readonly commit: string
  /** Full name of the reference that led to it, such as `refs/tags/v1`. */
  readonly name: string | undefined
}

export interface HttpAnswer {
  readonly kind: 'http'
  readonly digest: Digest
  /** When the server says the file was last changed, in seconds since 1970. */
  readonly mtimeSeconds: number
}

export interface TimeAnswer {
  readonly kind: 'time'
  /** Since 1970. `undefined`: it has no time of its own, as a folder has none. */
  readonly seconds: number | undefined
}

export type Answer = ImageAnswer | GitAnswer | HttpAnswer | TimeAnswer
export type AnswerTo<Q extends Question> = Extract<Answer, { readonly kind: Q['kind'] }>

/** By `questionKey()`. */
export type Answers = ReadonlyMap<string, Answer>

/** Equal for equal questions, wherever they are asked. */
export function questionKey(question: Question): string {
  switch (question.kind) {
    case 'image':
      return `image ${question.reference} ${formatPlatform(question.platform)}`
    case 'git': {
      const { repository, reference, commit } = question.git
      return `git ${JSON.stringify([repository, reference, commit])}`
    }
    case 'http':
      return `http ${JSON.stringify([question.url, question.checksum])}`
    case 'time':
      return `time of ${question.of.kind === 'context' ? `context ${question.of.name}` : questionKey(question.of)}`
    default:
      return question satisfies never
  }
}

/** `undefined`: it was not asked yet. */
export function findAnswer<Q extends Question>(answers: Answers, question: Q): AnswerTo<Q> | undefined {
  return answers.get(questionKey(question)) as AnswerTo<Q> | undefined
}

export type PlanResult =
  | { readonly kind: 'questions'; readonly questions: readonly Question[] }
  | { readonly kind: 'plan'; readonly plan: BuildPlan }

/** All that is to be done for one target on one platform. */
export interface BuildPlan {
  readonly graph: Graph
  readonly target: VertexId
  readonly image: ImagePlan
  readonly warnings: readonly Warning[]
  /** Build arguments that nothing declares: most likely misspelt. */
  readonly unusedBuildArgs: readonly string[]
  /** Names in `noCache` that no stage has: most likely misspelt. */
  readonly unknownUncached: readonly string[]
}
