import { BuildError } from '../../core/errors.ts'
import { openUnwrittenStore } from '../../cache/unwritten-store.ts'
import { questionKey, unknownAnswer, type Answer, type ImageQuestion, type PlanOptions } from '../../frontend/index.ts'
import type { ByteStream } from '../config/locations.ts'
import type { BuildRequest } from '../config/request.ts'
import { resolveSettings } from '../config/settings.ts'
import type { DockerfileText } from '../context/read-dockerfile.ts'
import { readIgnoreFiles } from '../context/read-ignore-files.ts'
import { ImageSources } from '../images/image-sources.ts'
import { RegistryHandle } from '../images/registry-handle.ts'
import { planOptions } from '../plan/make-plan.ts'
import { Tasks } from '../tasks.ts'
import { openToLook } from './open-to-look.ts'

export interface CallOptions {
  /** What a context or a Dockerfile `-` is read from; by default the process's own standard input. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  readonly signal?: AbortSignal | undefined
  /** Environment that proxies, credentials and the store's place are taken from; by default the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** A Dockerfile that is looked at and not built: nothing stays written, no step is started, and registries are asked for the configs of bases
 *  alone, for no longer than `patienceMs`. */
export interface Look {
  readonly dockerfile: DockerfileText
  /** The text of the Dockerfile, or of an ignore file, by the name that positions carry. */
  readonly findText: (file: string) => string | undefined
  /** The value of the build argument `BUILDKIT_SYNTAX`. */
  readonly syntax: string | undefined
  readonly options: PlanOptions
  /** Calls `ask` with all answers so far until it asks no more. A base that cannot be had is unknown. */
  answerAll<R>(ask: (answers: ReadonlyMap<string, Answer>) => Asked | R): Promise<R>
  /** Why bases are unknown, placed at the lines that name them. */
  readonly unknownBases: readonly BuildError[]
}

interface Asked {
  readonly kind: 'questions'
  readonly questions: readonly ImageQuestion[]
}

const patienceMs = 5_000

/** @throws {BuildError} for a request that makes no sense, and a Dockerfile that cannot be read */
export async function withLook<T>(
  request: BuildRequest,
  { env = process.env, signal, stdin }: CallOptions,
  use: (look: Look) => Promise<T>,
): Promise<T> {
  // A look puts nothing anywhere, so that it needs no name for what would be pushed.
  const settings = resolveSettings(
    { ...request, outputs: [] },
    { env, architecture: process.arch, uid: process.getuid?.() ?? 0 },
  )
  const surroundings = {
    env,
    stdin: stdin ?? (process.stdin as ByteStream),
    stdout: process.stdout,
    signal: signal ?? new AbortController().signal,
    tasks: new Tasks(() => undefined),
  }
  const { context, dockerfile } = await openToLook(settings, surroundings)
  await using registries = new RegistryHandle(env)
  const images = new ImageSources({
    store: openUnwrittenStore(settings.root),
    settings,
    registries,
    signal: AbortSignal.any([surroundings.signal, AbortSignal.timeout(patienceMs)]),
    tasks: surroundings.tasks,
  })
  const ignore = await readIgnoreFiles(context, dockerfile, images.contexts)
  const texts = new Map([...ignore.values()].map(({ file, text }) => [file, text]))
  texts.set(dockerfile.name, dockerfile.text)
  const unknownBases: BuildError[] = []
  const answer = async (question: ImageQuestion): Promise<Answer> => {
    try {
      return await images.answer(question)
    } catch (error) {
      signal?.throwIfAborted()
      unknownBases.push(whyUnknown(question, error))
      return unknownAnswer(question)
    }
  }
  return await use({
    dockerfile,
    findText: (file) => texts.get(file),
    syntax: settings.buildArgs.get('BUILDKIT_SYNTAX'),
    options: { ...planOptions(settings, images, ignore), targetPlatform: settings.platforms[0] },
    answerAll: (ask) => answerAll(ask, answer),
    unknownBases,
  })
}

async function answerAll<R>(
  ask: (answers: ReadonlyMap<string, Answer>) => Asked | R,
  answer: (question: ImageQuestion) => Promise<Answer>,
): Promise<R> {
  const answers = new Map<string, Answer>()
  for (;;) {
    const result = ask(answers)
    if (!isAsked(result)) return result
    await Promise.all(
      result.questions.map(async (question) => answers.set(questionKey(question), await answer(question))),
    )
  }
}

function isAsked(result: unknown): result is Asked {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'questions'
}

function whyUnknown({ source, reference }: ImageQuestion, error: unknown): BuildError {
  if (error instanceof BuildError) return error.at(source)
  if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error
  const message = `Cannot find image ${reference}: its registry did not answer within ${patienceMs / 1000} seconds`
  return new BuildError('REGISTRY_UNREACHABLE', message, { source })
}
