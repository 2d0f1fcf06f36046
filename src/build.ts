import { readFile } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import { openStore } from '../cache/store.ts'
import { BuildError } from '../core/errors.ts'
import type { BuildEvent } from '../core/events.ts'
import type { Descriptor } from '../core/image.ts'
import { ContextFolders, Solver } from '../executor/index.ts'
import {
  parseDockerfile,
  planBuild,
  questionKey,
  type Answer,
  type BuildPlan,
  type IgnoreFile,
  type PlanOptions,
  type Question,
} from '../frontend/index.ts'
import type { BuildRequest } from './config/request.ts'
import { resolveSettings, type Settings } from './config/settings.ts'
import { findDockerfile } from './context/find-dockerfile.ts'
import { findIgnoreFile } from './context/find-ignore-file.ts'
import { EventQueue } from './event-queue.ts'
import { ExecutorHandle } from './executor-handle.ts'
import { HttpHandle } from './http-handle.ts'
import { ImageSources } from './images/image-sources.ts'
import { RegistryHandle } from './images/registry-handle.ts'
import { writeOutputs } from './output/write-outputs.ts'
import { Downloads } from './sources/downloads.ts'
import { GitCheckouts } from './sources/git-checkouts.ts'
import { RemoteSources } from './sources/remote-sources.ts'
import type { FindSecret } from './sources/secrets.ts'
import { Tasks } from './tasks.ts'

export interface BuildJob {
  /** For one reader; ends when the build settles, however it settles; never throws. */
  readonly events: AsyncIterable<BuildEvent>
  /** Rejects with `BuildError`, or with the signal's reason; may be awaited late. */
  readonly result: Promise<BuiltImage>
}

export interface BuiltImage {
  /** `undefined` when every output wanted files only, so that no image was made. */
  readonly image:
    | {
        /** Of the manifest. */
        readonly descriptor: Descriptor
        /** Of the image's config file: what Docker calls the image's id. */
        readonly configDigest: Descriptor['digest']
      }
    | undefined
  /** In full. */
  readonly names: readonly string[]
}

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined
  /** Where an output with `dest: '-'` goes; by default the process's own standard output. */
  readonly stdout?: NodeJS.WritableStream | undefined
  /** Environment that proxies, credentials and the store's place are taken from; by default the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** Starts to build an image from a Dockerfile. Nothing of it outlives `result`: no process, no mount, no temporary file. */
export function startBuild(request: BuildRequest, options: BuildOptions = {}): BuildJob {
  const events = new EventQueue<BuildEvent>()
  const result = build(request, options, new Tasks((event) => events.push(event)))
    .catch((error: unknown) => {
      // Streams end with an error of their own when they are aborted.
      throw options.signal?.aborted === true ? options.signal.reason : error
    })
    .finally(() => events.close())
  result.catch(() => undefined) // it may be awaited late
  return { events, result }
}

async function build(request: BuildRequest, options: BuildOptions, tasks: Tasks): Promise<BuiltImage> {
  const { signal = new AbortController().signal, env = process.env, stdout = process.stdout } = options
  signal.throwIfAborted()
  const settings = resolveSettings(request, { env, architecture: process.arch, uid: process.getuid?.() ?? 0 })
  const file = await findDockerfile(settings)
  await using store = openStore(settings.root)
  await store.reapStale()
  await using registries = new RegistryHandle(env)
  const images = new ImageSources({ store, settings, registries, signal, tasks })
  await using executor = new ExecutorHandle(settings.isolation, store.lease.owner, signal, (message) =>
    tasks.warnOf(message),
  )
  if (settings.noCache) executor.warmUp()
  await using http = new HttpHandle(env)
  const findSecret: FindSecret = () => Promise.resolve(undefined)
  const downloads = new Downloads({ store, http, findSecret, signal, tasks })
  const checkouts = new GitCheckouts({ store, env, findSecret, findSshAgent: () => undefined, signal, tasks })
  const remotes = new RemoteSources(store, downloads, checkouts)
  const plan = await makePlan(file, settings, { images, remotes, tasks })
  for (const warning of plan.warnings) tasks.warn(warning)
  const contexts = new ContextFolders(new Map([['context', settings.context], ...images.folders]), store.facts)
  const solver = new Solver(plan.graph, {
    store,
    contexts,
    executor: executor.start,
    prepareSandbox: executor.prepareSandbox,
    warmUp: executor.warmUp,
    treeOfImage: (op) => Promise.resolve(images.treeOf(op.digest)),
    fetchBlob: (layer) => images.fetchBlob(layer.blob),
    fetchSource: remotes.fetch,
    emit: tasks.emit,
    now: tasks.now,
    signal,
    scope: `${file}\n${settings.context}`,
    packEarly: settings.outputs.some(({ type }) => type !== 'local' && type !== 'tar'),
  })
  const tree = await solver.solve(plan.target)
  contexts.save()
  return await writeOutputs({
    plan: plan.image,
    tree,
    solver,
    settings,
    store,
    images,
    executor,
    tasks,
    signal,
    registries,
    stdout,
  })
}

interface Answering {
  readonly images: ImageSources
  readonly remotes: RemoteSources
  readonly tasks: Tasks
}

async function makePlan(file: string, settings: Settings, answering: Answering): Promise<BuildPlan> {
  const { images, tasks } = answering
  const inContext = relative(settings.context, file)
  const [text, ignore] = await tasks.run(`[internal] load build definition from ${basename(file)}`, async () =>
    Promise.all([readFile(file, 'utf8'), ignoreFiles(file, settings, images)]),
  )
  const dockerfile = parseDockerfile(text, inContext.startsWith('..') ? file : inContext, {
    syntax: settings.buildArgs.get('BUILDKIT_SYNTAX'),
  })
  const answers = new Map<string, Answer>()
  for (;;) {
    const result = planBuild(dockerfile, planOptions(settings, images, ignore), answers)
    if (result.kind === 'plan') return withUnusedArguments(result.plan)
    await Promise.all(
      result.questions.map(async (question) => {
        answers.set(questionKey(question), await placed(question, () => answer(question, answering)))
      }),
    )
  }
}

async function answer(question: Question, { images, remotes, tasks }: Answering): Promise<Answer> {
  switch (question.kind) {
    case 'image':
      return tasks.run(`[internal] load metadata for ${question.reference}`, () => images.answer(question))
    case 'http':
      return remotes.pinUrl(question)
    case 'git':
      return remotes.pinReference(question)
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

async function ignoreFiles(
  file: string,
  { context }: Settings,
  images: ImageSources,
): Promise<ReadonlyMap<string, IgnoreFile>> {
  const found = await Promise.all([
    findIgnoreFile(context, file).then((ignore) => ['context', ignore] as const),
    ...[...images.folders].map(async ([name, folder]) => [name, await findIgnoreFile(folder, undefined)] as const),
  ])
  return new Map(found.filter((entry): entry is readonly [string, IgnoreFile] => entry[1] !== undefined))
}

function planOptions(settings: Settings, images: ImageSources, ignore: ReadonlyMap<string, IgnoreFile>): PlanOptions {
  return {
    buildArgs: new Map([...settings.proxies, ...settings.buildArgs]),
    target: settings.target,
    targetPlatform: settings.platform,
    buildPlatform: settings.buildPlatform,
    labels: settings.labels,
    network: settings.network,
    noCache: settings.noCache,
    namedContexts: images.namedContexts,
    ignore,
    extraHosts: settings.run.extraHosts,
    limits: settings.run.limits,
    entitlements: settings.run.entitlements,
    multiPlatform: false,
  }
}

function withUnusedArguments(plan: BuildPlan): BuildPlan {
  const { unusedBuildArgs } = plan
  if (unusedBuildArgs.length === 0) return plan
  const message = `Build arguments that no ARG declares: ${unusedBuildArgs.join(', ')}`
  return { ...plan, warnings: [...plan.warnings, { rule: undefined, message, url: undefined, source: undefined }] }
}
