import { basename } from 'node:path'
import { openStore, type Store } from '../cache/store.ts'
import type { BuildEvent } from '../core/events.ts'
import { mergeGraphs } from '../core/graph.ts'
import type { Descriptor } from '../core/image.ts'
import { ContextFolders, Solver } from '../executor/index.ts'
import type { ByteStream } from './config/locations.ts'
import type { BuildRequest } from './config/request.ts'
import { resolveSettings, type Settings } from './config/settings.ts'
import { openContext } from './context/open-context.ts'
import { openNamedContexts } from './context/open-named-contexts.ts'
import { readDockerfile } from './context/read-dockerfile.ts'
import { readIgnoreFiles } from './context/read-ignore-files.ts'
import { EventQueue } from './event-queue.ts'
import { Emulation } from './emulation.ts'
import { ExecutorHandle } from './executor-handle.ts'
import { HttpHandle } from './http-handle.ts'
import { ImageSources } from './images/image-sources.ts'
import { RegistryHandle } from './images/registry-handle.ts'
import { writeOutputs } from './output/write-outputs.ts'
import { makePlans } from './plan/make-plan.ts'
import { Downloads } from './sources/downloads.ts'
import { GitCheckouts } from './sources/git-checkouts.ts'
import { RemoteSources } from './sources/remote-sources.ts'
import { Secrets } from './secrets/secrets.ts'
import type { SshAgents } from './secrets/ssh-agents.ts'
import type { FindSecret } from './sources/secrets.ts'
import { Tasks } from './tasks.ts'

export interface BuildJob {
  /** For one reader; ends when the build settles, however it settles; never throws. */
  readonly events: AsyncIterable<BuildEvent>
  /** Rejects with `BuildError`, or with the signal's reason; may be awaited late. */
  readonly result: Promise<BuiltImage>
  /** The text of the Dockerfile, or of an ignore file, by the name that positions in errors carry. `undefined` for others, and before it was read. */
  readonly findText: (file: string) => string | undefined
}

export interface BuiltImage {
  /** `undefined` when every output wanted files only, so that no image was made. */
  readonly image:
    | {
        /** Of the manifest, or, for several platforms, of the index. */
        readonly descriptor: Descriptor
        /** Of the image's config file: what Docker calls the image's id. `undefined` for several platforms. */
        readonly configDigest: Descriptor['digest'] | undefined
      }
    | undefined
  /** In full. */
  readonly names: readonly string[]
}

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined
  /** What a context or a Dockerfile `-` is read from; by default the process's own standard input. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  /** Where an output with `dest: '-'` goes; by default the process's own standard output. */
  readonly stdout?: NodeJS.WritableStream | undefined
  /** Environment that proxies, credentials and the store's place are taken from; by default the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** Starts to build an image from a Dockerfile. Nothing of it outlives `result`: no process, no mount, no temporary file. */
export function startBuild(request: BuildRequest, options: BuildOptions = {}): BuildJob {
  const events = new EventQueue<BuildEvent>()
  const texts = new Map<string, string>()
  const result = build(request, options, new Tasks((event) => events.push(event)), texts)
    .catch((error: unknown) => {
      // Streams end with an error of their own when they are aborted.
      throw options.signal?.aborted === true ? options.signal.reason : error
    })
    .finally(() => events.close())
  result.catch(() => undefined) // it may be awaited late
  return { events, result, findText: (file) => texts.get(file) }
}

async function build(
  request: BuildRequest,
  options: BuildOptions,
  tasks: Tasks,
  texts: Map<string, string>,
): Promise<BuiltImage> {
  const { signal = new AbortController().signal, env = process.env, stdout = process.stdout } = options
  const stdin = options.stdin ?? (process.stdin as ByteStream)
  signal.throwIfAborted()
  const settings = resolveSettings(request, { env, architecture: process.arch, uid: process.getuid?.() ?? 0 })
  await using store = openStore(settings.root)
  await using executor = new ExecutorHandle(settings.isolation, store.lease.owner, signal, (message) =>
    tasks.warnOf(message),
  )
  if (settings.noCache === true) executor.warmUp()
  await store.reapStale()
  await using registries = new RegistryHandle(env)
  const images = new ImageSources({ store, settings, registries, signal, tasks })
  await using http = new HttpHandle(env)
  const secrets = new Secrets(settings.run.secrets, env)
  await secrets.check()
  await using agents = await openSshAgents(settings, store)
  const findSecret: FindSecret = (id) => secrets.findText(id)
  const downloads = new Downloads({ store, http, findSecret, signal, tasks })
  const checkouts = new GitCheckouts({
    store,
    env,
    findSecret,
    findSshAgent: async () => (await agents?.findAddress('default')) ?? findContextAgent(settings, env),
    signal,
    tasks,
  })
  const remotes = new RemoteSources(store, downloads, checkouts)
  const keepGitDirectory = keepsGitDirectory(settings)
  const start = executor.start
  const opening = { store, downloads, checkouts, executor: start, stdin, signal, tasks, keepGitDirectory }
  const context = await openContext(settings.context, opening)
  const download = async (url: string): Promise<string> => store.blobs.pathOf((await downloads.fetch(url)).digest)
  const dockerfile = await readDockerfile(settings.file, context, { stdin, signal, download })
  const ignore = await tasks.run(`[internal] load build definition from ${basename(dockerfile.name)}`, () =>
    readIgnoreFiles(context, dockerfile, images.contexts),
  )
  texts.set(dockerfile.name, dockerfile.text)
  for (const { file, text } of ignore.values()) texts.set(file, text)
  const plans = await makePlans(dockerfile, ignore, settings, { images, remotes, tasks })
  for (const warning of plans.flatMap(({ warnings }) => warnings)) tasks.warn(warning)
  const folders = new Map(await openNamedContexts(plans, images.contexts, opening))
  folders.set('context', { path: context.folder, isLasting: context.isLasting })
  const contexts = new ContextFolders(folders, store.facts)
  const solver = new Solver(mergeGraphs(plans.map(({ graph }) => graph)), {
    store,
    contexts,
    executor: executor.start,
    prepareSandbox: executor.prepareSandbox,
    warmUp: executor.warmUp,
    checkPlatform: new Emulation(settings.buildPlatform, store.lease.path).check,
    treeOfImage: (op) => Promise.resolve(images.treeOf(op.digest)),
    fetchBlob: (layer) => images.fetchBlob(layer.blob),
    fetchSource: remotes.fetch,
    provisions: {
      findSecret: (id) => secrets.find(id),
      findAgent: async (id) => agents?.find(id),
      findDevices: async (wanted) => (await import('./devices/find-devices.ts')).findDevices(wanted),
    },
    emit: tasks.emit,
    now: tasks.now,
    signal,
    scope: `${dockerfile.identity}\n${context.identity}`,
    packEarly: settings.outputs.some(({ type }) => type !== 'local' && type !== 'tar'),
  })
  const trees = await solver.solve(plans.map(({ target }) => target))
  contexts.save()
  return await writeOutputs({
    built: plans.map(({ image }, index) => ({ plan: image, tree: trees[index] ?? [] })),
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

function keepsGitDirectory({ buildArgs }: Settings): boolean {
  return ['1', 't', 'true'].includes(buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR')?.toLowerCase() ?? '')
}

/** Most builds have none, and need not load how. */
async function openSshAgents({ run }: Settings, { lease }: Store): Promise<SshAgents | undefined> {
  if (run.agents.size === 0) return undefined
  const { SshAgents } = await import('./secrets/ssh-agents.ts')
  const agents = new SshAgents(run.agents, lease.path)
  await agents.check()
  return agents
}

/** A context that is fetched over ssh is reason enough to ask the agent of the environment, as buildx does. */
function findContextAgent({ context }: Settings, env: BuildOptions['env'] = {}): string | undefined {
  const isSsh = context.kind === 'git' && !/^(?:https?|git):/i.test(context.source.repository)
  return isSsh ? env['SSH_AUTH_SOCK'] || undefined : undefined
}
