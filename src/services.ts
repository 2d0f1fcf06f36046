import { openStore, type Store } from '../cache/store.ts'
import type { ByteStream } from './config/locations.ts'
import type { Settings } from './config/settings.ts'
import type { ContextServices } from './context/open-context.ts'
import { ExecutorHandle } from './executor-handle.ts'
import { HttpHandle } from './http-handle.ts'
import { ImageSources } from './images/image-sources.ts'
import { RegistryHandle } from './images/registry-handle.ts'
import { Secrets } from './secrets/secrets.ts'
import type { SshAgents } from './secrets/ssh-agents.ts'
import { Downloads } from './sources/downloads.ts'
import { GitCheckouts } from './sources/git-checkouts.ts'
import { RemoteSources } from './sources/remote-sources.ts'
import type { FindSecret } from './sources/secrets.ts'
import type { Tasks } from './tasks.ts'

/** What the process that builds gives to the build. */
export interface BuildSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: ByteStream
  readonly stdout: NodeJS.WritableStream
  readonly signal: AbortSignal
  readonly tasks: Tasks
}

/** Everything that one build works with. None of it costs anything before it is used; disposing ends all that was. */
export class BuildServices implements AsyncDisposable {
  readonly settings: Settings
  readonly surroundings: BuildSurroundings
  readonly store: Store
  readonly executor: ExecutorHandle
  readonly registries: RegistryHandle
  readonly images: ImageSources
  readonly secrets: Secrets
  readonly downloads: Downloads
  readonly checkouts: GitCheckouts
  readonly remotes: RemoteSources
  readonly #http: HttpHandle
  #agents: SshAgents | undefined

  /** @throws {BuildError} `STORE_INVALID`, `DISK_FULL` */
  constructor(settings: Settings, surroundings: BuildSurroundings) {
    const { env, signal, tasks } = surroundings
    this.settings = settings
    this.surroundings = surroundings
    this.store = openStore(settings.root)
    const { store } = this
    this.executor = new ExecutorHandle(settings.isolation, store.lease, signal, (text) => tasks.warnOf(text))
    this.registries = new RegistryHandle(env)
    this.images = new ImageSources({ store, settings, registries: this.registries, signal, tasks })
    this.#http = new HttpHandle(env)
    this.secrets = new Secrets(settings.run.secrets, env, signal)
    const findSecret: FindSecret = (id) => this.secrets.findText(id)
    this.downloads = new Downloads({ store, http: this.#http, findSecret, signal, tasks })
    const findSshAgent = async (): Promise<string | undefined> =>
      (await this.#agents?.findAddress('default')) ?? findContextAgent(settings, env)
    this.checkouts = new GitCheckouts({ store, env, findSecret, findSshAgent, signal, tasks })
    this.remotes = new RemoteSources(store, this.downloads, this.checkouts)
  }

  /** Looks whether what the request promises is there, and sweeps away what killed builds have left.
   *  @throws {BuildError} for secrets and agents that cannot be had */
  async begin(): Promise<void> {
    await this.store.reapStale()
    await this.secrets.check()
    this.#agents = await this.#openSshAgents()
  }

  /** `undefined` where the request gives none. */
  get agents(): SshAgents | undefined {
    return this.#agents
  }

  /** What contexts are opened with. */
  get contexts(): ContextServices {
    const { store, downloads, checkouts, settings } = this
    const { stdin, signal, tasks } = this.surroundings
    const keepGitDirectory = keepsGitDirectory(settings)
    const filesTime = isDated(settings) ? 'commit' : 'checkout'
    const executor = this.executor.start
    return { store, downloads, checkouts, executor, stdin, signal, tasks, keepGitDirectory, filesTime }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const inOrder: readonly (AsyncDisposable | undefined)[] = [
      this.#agents,
      this.#http,
      this.registries,
      this.executor,
      this.store,
    ]
    const failures: unknown[] = []
    for (const service of inOrder) {
      await service?.[Symbol.asyncDispose]().then(undefined, (error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Most builds have none, and need not load how. */
  async #openSshAgents(): Promise<SshAgents | undefined> {
    const { agents } = this.settings.run
    if (agents.size === 0) return undefined
    const { SshAgents } = await import('./secrets/ssh-agents.ts')
    const opened = new SshAgents(agents, this.store.lease.path)
    await opened.check()
    return opened
  }
}

function keepsGitDirectory({ buildArgs }: Settings): boolean {
  return ['1', 't', 'true'].includes(buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR')?.toLowerCase() ?? '')
}

/** Who wants the image to bear a time of its own wants its files to. */
function isDated({ buildArgs }: Settings): boolean {
  return (buildArgs.get('SOURCE_DATE_EPOCH') ?? '') !== ''
}

/** A context that is fetched over ssh is reason enough to ask the agent of the environment, as buildx does. */
function findContextAgent({ context }: Settings, env: BuildSurroundings['env']): string | undefined {
  const isSsh = context.kind === 'git' && !/^(?:https?|git):/i.test(context.source.repository)
  return isSsh ? env['SSH_AUTH_SOCK'] || undefined : undefined
}
