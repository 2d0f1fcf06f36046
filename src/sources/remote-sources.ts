import { BuildError } from '../../core/errors.ts'
import type { GitOp, HttpOp } from '../../core/ops.ts'
import type { OutsideTree } from '../../executor/index.ts'
import type { GitAnswer, GitQuestion, HttpAnswer, HttpQuestion } from '../../frontend/index.ts'
import type { Store } from '../../cache/store.ts'
import type { Downloads } from './downloads.ts'

/** What ADD takes from elsewhere: pins it before keys are made, and has it at hand when a step needs it. */
export class RemoteSources {
  readonly #store: Store
  readonly #downloads: Downloads

  constructor(store: Store, downloads: Downloads) {
    this.#store = store
    this.#downloads = downloads
  }

  /** @throws {BuildError} as `download()` does */
  async pinUrl({ url, checksum }: HttpQuestion): Promise<HttpAnswer> {
    const { digest, mtimeSeconds } = await this.#downloads.fetch(url, checksum)
    return { kind: 'http', digest, mtimeSeconds }
  }

  pinReference(_: GitQuestion): Promise<GitAnswer> {
    return Promise.reject(new BuildError('UNSUPPORTED', 'ADD of a git repository is not supported yet'))
  }

  /** What a pinned op stands for, on this machine. */
  readonly fetch = async (op: GitOp | HttpOp): Promise<OutsideTree> => {
    if (op.type === 'git') throw new BuildError('UNSUPPORTED', 'ADD of a git repository is not supported yet')
    const { blobs } = this.#store
    const stored = await blobs.stat(op.digest)
    if (stored === undefined) throw new Error(`the download ${op.digest} was pinned, but is not in the store`)
    const { mtimeSeconds } = op.unkeyed
    return { kind: 'file', path: blobs.pathOf(op.digest), name: op.fileName, sizeBytes: stored.sizeBytes, mtimeSeconds }
  }
}
