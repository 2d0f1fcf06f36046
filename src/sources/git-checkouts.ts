import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Repository, ResolvedReference } from '../../cache/git/index.ts'
import type { Store } from '../../cache/store.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import { BuildError } from '../../core/errors.ts'
import { isFullCommit, type GitSource } from '../../core/git-source.ts'
import type { GitOp } from '../../core/ops.ts'
import { splitCredentials } from '../../core/url-credentials.ts'
import type { TaskReport, Tasks } from '../tasks.ts'
import type { FindSecret } from './secrets.ts'

export interface GitCheckoutsOptions {
  readonly store: Store
  readonly env: Readonly<Record<string, string | undefined>>
  readonly findSecret: FindSecret
  /** Socket of the agent that ssh may ask. */
  readonly findSshAgent: () => Promise<string | undefined>
  readonly signal: AbortSignal
  readonly tasks: Tasks
}

const timeKind = 'commit-time'

/** A commit, in full, and the full name of the reference that led to it. */
export type PinnedCommit = Pick<ResolvedReference, 'commit' | 'name'>

/** Commits of git repositories as folders. What was fetched stays in the store for as long as it is used now and then: a bare mirror for each repository, and a folder,
 *  never written to again, for each commit that was checked out. */
export class GitCheckouts {
  readonly #options: GitCheckoutsOptions
  readonly #pinned = new Map<string, Promise<PinnedCommit>>()

  constructor(options: GitCheckoutsOptions) {
    this.#options = options
  }

  /** What the address stands for now; asked once in a build.
   *  @throws {BuildError} `CHECKSUM_MISMATCH`, and what `resolveReference()` throws */
  pin(source: GitSource): Promise<PinnedCommit> {
    const id = canonicalJson([source.repository, source.reference ?? null, source.commit ?? null])
    const known = this.#pinned.get(id)
    if (known !== undefined) return known
    const pinning = this.#pin(source)
    this.#pinned.set(id, pinning)
    return pinning
  }

  /** Absolute path of the folder with the commit's files.
   *  @throws {BuildError} as `fetchIntoMirror()` and `checkOut()` do */
  async checkOut(op: GitOp): Promise<string> {
    const { store, signal } = this.#options
    const folder = await this.#folderOf(op)
    const { markUsed, sweepUnused } = await import('../../cache/git/index.ts')
    if (!existsSync(folder)) {
      const mirror = this.#mirrorOf(op.unkeyed.source)
      await using _lock = await store.lock(`git ${mirror}`, signal)
      if (existsSync(mirror)) await markUsed(mirror)
      if (!existsSync(folder)) await this.#makeCheckout(op, mirror, folder)
      for (const parent of [dirname(mirror), dirname(folder)]) await sweepUnused(parent, this.#discarded)
    }
    await markUsed(folder)
    return folder
  }

  /** When the commit was made that the address stands for, in seconds since 1970.
   *  @throws {BuildError} as `fetchIntoMirror()` does */
  async findCommitTime(source: GitSource): Promise<number> {
    const { store, signal, tasks } = this.#options
    const { commit, name } = await this.pin(source)
    const known = store.facts.find(timeKind, commit)
    if (typeof known === 'number') return known
    const { readCommitTime } = await import('../../cache/git/index.ts')
    const mirror = this.#mirrorOf(source)
    await using _lock = await store.lock(`git ${mirror}`, signal)
    const seconds = await tasks.run(`[internal] fetch ${source.shown}`, async (report) => {
      const repository = await this.#fetch(source, mirror, commit, name, report)
      return readCommitTime(repository, mirror, commit, signal)
    })
    store.facts.put(timeKind, commit, seconds)
    return seconds
  }

  async #makeCheckout(op: GitOp, mirror: string, folder: string): Promise<void> {
    const { store, signal, tasks } = this.#options
    const { checkOut } = await import('../../cache/git/index.ts')
    const { source } = op.unkeyed
    const { commit, submodules, gitDirectory } = op
    const staged = join(await store.lease.makeFolder('checkout'), 'files')
    await mkdir(staged)
    await tasks.run(`[internal] fetch ${source.shown}`, async (report) => {
      const repository = await this.#fetch(source, mirror, commit, gitDirectory?.name, report)
      const wanted = { commit, submodules, commitTime: op.mtime === 'commit', keepGitDirectory: gitDirectory }
      try {
        await checkOut(repository, mirror, staged, wanted, signal)
      } catch (error) {
        // Was it the mirror's fault, the next build begins without it.
        if (error instanceof BuildError && !signal.aborted)
          await rename(mirror, join(await this.#discarded(), 'mirror'))
        throw error
      }
    })
    await rename(staged, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error // else a build has made it from another mirror
    })
  }

  /** Brings the commit into the mirror, whose lock is held. */
  async #fetch(
    source: GitSource,
    mirror: string,
    commit: string,
    name: string | undefined,
    report: TaskReport,
  ): Promise<Repository> {
    const { fetchIntoMirror } = await import('../../cache/git/index.ts')
    const repository = await this.#repositoryOf(source)
    await fetchIntoMirror(repository, mirror, commit, name ?? source.reference ?? 'HEAD', {
      signal: this.#options.signal,
      discarded: this.#discarded,
      onComplaint: (text) => report(text.split(/[\r\n]+/).findLast((line) => line !== '') ?? '', 0, undefined),
    })
    return repository
  }

  #mirrorOf(source: GitSource): string {
    return join(this.#options.store.root, 'git', hashOf(splitAddress(source).address))
  }

  readonly #discarded = (): Promise<string> => this.#options.store.lease.makeFolder('discarded')

  async #pin(source: GitSource): Promise<PinnedCommit> {
    const { reference } = source
    if (reference !== undefined && isFullCommit(reference))
      return verified(source, { commit: reference.toLowerCase(), name: undefined, tagObject: undefined })
    const { store, signal, tasks } = this.#options
    const { resolveReference } = await import('../../cache/git/index.ts')
    const repository = await this.#repositoryOf(source)
    const cwd = store.lease.path
    return tasks.run(`[internal] resolve ${source.shown}`, async () =>
      verified(source, await resolveReference(repository, reference, { cwd, signal })),
    )
  }

  /** In a folder for this user alone. */
  async #folderOf({ commit, submodules, mtime, gitDirectory }: GitOp): Promise<string> {
    const parent = join(this.#options.store.root, 'checkouts')
    await mkdir(parent, { recursive: true, mode: 0o700 })
    return join(parent, hashOf(canonicalJson({ commit, submodules, mtime, gitDirectory: gitDirectory ?? null })))
  }

  async #repositoryOf(source: GitSource): Promise<Repository> {
    const { env, findSshAgent, store } = this.#options
    const { address, url, credentials } = splitAddress(source)
    const own = credentials && basic(credentials.user, credentials.password)
    const authorization = url === undefined ? undefined : ((await this.#authorizationFor(url.host)) ?? own)
    return {
      address,
      // git would send the header along to wherever it is redirected.
      config:
        url === undefined || authorization === undefined
          ? {}
          : {
              [`http.${url.origin}/.extraHeader`]: `Authorization: ${authorization}`,
              [`http.${url.origin}/.followRedirects`]: 'false',
            },
      sshCommand: sshCommand(url === undefined ? await findSshAgent() : undefined, store.lease.path, env['HOME']),
      env,
    }
  }

  async #authorizationFor(host: string): Promise<string | undefined> {
    const { findSecret } = this.#options
    for (const suffix of [`.${host}`, '']) {
      const token = await findSecret(`GIT_AUTH_TOKEN${suffix}`)
      if (token !== undefined) return basic('x-access-token', token)
      const header = await findSecret(`GIT_AUTH_HEADER${suffix}`)
      if (header !== undefined) return header
    }
    return undefined
  }
}

/** The address for git, and what of it is credentials; those of the web alone can have some. */
function splitAddress({ repository }: GitSource) {
  if (!/^https?:/i.test(repository)) return { address: repository, url: undefined, credentials: undefined }
  const { url, credentials } = splitCredentials(new URL(repository))
  return { address: url.href, url, credentials }
}

/** @throws {BuildError} `CHECKSUM_MISMATCH` when the commit is not the one that the address says */
function verified({ commit: wanted, shown }: GitSource, { commit, name, tagObject }: ResolvedReference): PinnedCommit {
  if (wanted === undefined || commit.startsWith(wanted) || tagObject?.startsWith(wanted) === true)
    return { commit, name }
  throw new BuildError('CHECKSUM_MISMATCH', `Cannot use ${shown}: it is commit ${commit}, not ${wanted}`, {
    hint: 'The branch or the tag has moved, or the checksum is wrong.',
  })
}

/** Keys are those that the agent knows, and no others. A host that is seen for the first time is believed, one whose key has changed is not. */
function sshCommand(agent: string | undefined, folder: string, home: string | undefined): string {
  const known = [join(folder, 'known_hosts'), ...(home === undefined ? [] : [join(home, '.ssh/known_hosts')])]
  const options = [
    'BatchMode=yes',
    'ConnectTimeout=30',
    'ServerAliveInterval=30',
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${known.map((path) => `"${path}"`).join(' ')}`,
    `IdentityAgent=${agent ?? 'none'}`,
    'IdentityFile=none',
    'ForwardAgent=no',
    'LogLevel=ERROR',
  ]
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', option])].map(shellQuoted).join(' ')
}

function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
