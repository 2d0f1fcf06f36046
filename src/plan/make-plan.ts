import { BuildError, throwCollected } from '../../core/errors.ts'
import {
  allMistakes,
  planBuild,
  questionKey,
  readDockerfile,
  type Answer,
  type BuildPlan,
  type Dockerfile,
  type IgnoreFile,
  type PlanOptions,
  type Question,
} from '../../frontend/index.ts'
import type { Settings } from '../config/settings.ts'
import type { BuildInputs } from '../context/read-inputs.ts'
import type { ImageSources } from '../images/image-sources.ts'
import type { BuildServices } from '../services.ts'
import type { RemoteSources } from '../sources/remote-sources.ts'
import { SourceTimes } from '../sources/source-times.ts'
import type { Tasks } from '../tasks.ts'

/** Who answers what the frontend asks. */
export interface Answering {
  readonly images: ImageSources
  readonly remotes: RemoteSources
  readonly times: SourceTimes
  readonly tasks: Tasks
}

/** Makes the plans of a Dockerfile, one for each platform, answering what has to be known for them.
 *  @throws {BuildError} what is wrong in the Dockerfile, and what images and sources answer, placed in it */
export async function makePlans(inputs: BuildInputs, services: BuildServices): Promise<readonly BuildPlan[]> {
  const {
    dockerfile: { text, name },
    ignore,
  } = inputs
  const { settings, images } = services
  const answering = answeringFor(inputs, services)
  const read = readDockerfile(text, name, { syntax: settings.buildArgs.get('BUILDKIT_SYNTAX') })
  const { dockerfile } = read
  const options = planOptions(settings, images, ignore)
  if (read.errors.length > 0) throwCollected(allMistakes(read, { ...options, targetPlatform: settings.platforms[0] }))
  const answers = new Map<string, Answer>()
  const plans: BuildPlan[] = []
  for (const targetPlatform of settings.platforms) {
    const plan = await makePlan(dockerfile, { ...options, targetPlatform }, answers, answering)
    // What is to be said of the Dockerfile has been said once.
    plans.push(plans.length === 0 ? withIdleOptions(plan) : { ...plan, warnings: [] })
  }
  return plans
}

function answeringFor({ context }: BuildInputs, services: BuildServices): Answering {
  const { settings, store, images, remotes, downloads, checkouts, surroundings } = services
  const { signal, tasks } = surroundings
  const namedContexts = images.contexts
  const { archive } = context
  const times = new SourceTimes({
    store,
    downloads,
    checkouts,
    signal,
    tasks,
    context: settings.context,
    archive,
    namedContexts,
  })
  return { images, remotes, times, tasks }
}

async function makePlan(
  dockerfile: Dockerfile,
  options: PlanOptions,
  answers: Map<string, Answer>,
  answering: Answering,
): Promise<BuildPlan> {
  for (;;) {
    const result = planBuild(dockerfile, options, answers)
    if (result.kind === 'plan') return result.plan
    await Promise.all(
      result.questions.map(async (question) => {
        answers.set(questionKey(question), await placed(question, () => answer(question, answering)))
      }),
    )
  }
}

async function answer(question: Question, { images, remotes, times, tasks }: Answering): Promise<Answer> {
  switch (question.kind) {
    case 'image':
      return tasks.run(`[internal] load metadata for ${question.reference}`, () => images.answer(question))
    case 'http':
      return remotes.pinUrl(question)
    case 'git':
      return remotes.pinReference(question)
    case 'time':
      return times.answer(question.of)
    default:
      return question satisfies never
  }
}

/** A failure to answer belongs to the line that asks. */
async function placed<T>({ source }: Question, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof BuildError ? error.at(source) : error
  }
}

export function planOptions(
  settings: Settings,
  images: ImageSources,
  ignore: ReadonlyMap<string, IgnoreFile>,
): Omit<PlanOptions, 'targetPlatform'> {
  return {
    buildArgs: new Map([...settings.proxies, ...settings.buildArgs]),
    target: settings.target,
    buildPlatform: settings.buildPlatform,
    labels: settings.labels,
    network: settings.network,
    noCache: settings.noCache,
    namedContexts: images.namedContexts,
    ignore,
    extraHosts: settings.run.extraHosts,
    limits: settings.run.limits,
    entitlements: settings.run.entitlements,
    multiPlatform: settings.platforms.length > 1,
  }
}

/** The plan, with warnings for what was asked for in vain. */
function withIdleOptions(plan: BuildPlan): BuildPlan {
  const { unusedBuildArgs, unknownUncached } = plan
  const messages = [
    unusedBuildArgs.length === 0 ? [] : `Build arguments that no ARG declares: ${unusedBuildArgs.join(', ')}`,
    unknownUncached.length === 0
      ? []
      : `--no-cache-filter names stages that are not there: ${unknownUncached.join(', ')}`,
  ].flat()
  const warnings = messages.map((message) => ({ rule: undefined, message, url: undefined, source: undefined }))
  return { ...plan, warnings: [...plan.warnings, ...warnings] }
}
