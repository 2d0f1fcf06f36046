import type { BuildEvent } from '../core/events.ts'
import type { Descriptor } from '../core/image.ts'
import type { ByteStream } from './config/locations.ts'
import type { BuildRequest } from './config/request.ts'
import { resolveSettings } from './config/settings.ts'
import { readInputs } from './context/read-inputs.ts'
import { EventQueue } from './event-queue.ts'
import { openSolver } from './open-solver.ts'
import { writeOutputs } from './output/write-outputs.ts'
import { makePlans } from './plan/make-plan.ts'
import { BuildServices } from './services.ts'
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
  await using services = new BuildServices(settings, { env, stdin, stdout, signal, tasks })
  await services.begin()
  const inputs = await readInputs(services)
  texts.set(inputs.dockerfile.name, inputs.dockerfile.text)
  for (const { file, text } of inputs.ignore.values()) texts.set(file, text)
  // Something will be run, and that takes longest to start.
  if (settings.noCache === true && /^\s*run\s/im.test(inputs.dockerfile.text)) services.executor.warmUp()
  const plans = await makePlans(inputs, services)
  for (const warning of plans.flatMap(({ warnings }) => warnings)) tasks.warn(warning)
  const { solver, contexts } = await openSolver(plans, inputs, services)
  const trees = await solver.solve(plans.map(({ target }) => target))
  contexts.save()
  const built = plans.map(({ image }, index) => ({ plan: image, tree: trees[index] ?? [] }))
  return await writeOutputs(built, solver, services)
}
