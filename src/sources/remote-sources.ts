import type { GitOp, HttpOp } from '../../core/ops.ts'
import type { OutsideTree } from '../../executor/index.ts'
import type { GitAnswer, GitQuestion, HttpAnswer, HttpQuestion } from '../../frontend/index.ts'
import type { Store } from '../../cache/store.ts'
import type { Downloads } from './downloads.ts'
import type { GitCheckouts } from './git-checkouts.ts'

/** What ADD takes from elsewhere: pins it before keys are made, and has it at hand when a step needs it. */
export class RemoteSources {
  readonly #store: Store
  readonly #downloads: Downloads
  readonly #checkouts: GitCheckouts

  constructor(store: Store, downloads: Downloads, checkouts: GitCheckouts) {
    this.#store = store
    this.#downloads = downloads
    this.#checkouts = checkouts
  }

  /** @throws {BuildError} as `download()` does */
  async pinUrl({ url, checksum }: HttpQuestion): Promise<HttpAnswer> {
    const { digest, mtimeSeconds = 0 } = await this.#downloads.fetch(url, checksum)
    return { kind: 'http', digest, mtimeSeconds }
  }

  /** @throws {BuildError} as `GitCheckouts.pin()` does */
  async pinReference({ git }: GitQuestion): Promise<GitAnswer> {
    const { commit, name } = await this.#checkouts.pin(git)
    return { kind: 'git', commit, name }
  }

  /** What a pinned op stands for, on this machine. */
  readonly fetch = async (op: GitOp | HttpOp): Promise<OutsideTree> => {
    if (op.type === 'git') return { kind: 'context', root: await this.#checkouts.checkOut(op), ignore: [] }
    const { blobs } = this.#store
    const stored = await blobs.stat(op.digest)
    if (stored === undefined) throw new Error(`the download ${op.digest} was pinned, but is not in the store`)
    const { mtimeSeconds } = op.unkeyed
    return { kind: 'file', path: blobs.pathOf(op.digest), name: op.fileName, sizeBytes: stored.sizeBytes, mtimeSeconds }
  }
}
