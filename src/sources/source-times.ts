import type { Digest } from '../../core/digest.ts'
import type { TimeAnswer, TimedSource } from '../../frontend/index.ts'
import type { Store } from '../../cache/store.ts'
import type { ContextLocation } from '../config/locations.ts'
import type { NamedContext } from '../images/named-context.ts'
import type { Downloads } from './downloads.ts'
import type { Tasks } from '../tasks.ts'
import type { GitCheckouts } from './git-checkouts.ts'

export interface SourceTimesOptions {
  readonly store: Store
  readonly downloads: Downloads
  readonly checkouts: GitCheckouts
  readonly signal: AbortSignal
  readonly tasks: Tasks
  readonly context: ContextLocation
  /** What the build context was unpacked from, if it was an archive. */
  readonly archive: string | undefined
  readonly namedContexts: ReadonlyMap<string, NamedContext>
}

/** Tells when what a build takes was made: a commit by itself, a download by its server or, where that does not say, by the newest file in it. */
export class SourceTimes {
  readonly #options: SourceTimesOptions

  constructor(options: SourceTimesOptions) {
    this.#options = options
  }

  /** @throws {BuildError} what downloads and git throw, `ARCHIVE_INVALID` */
  async answer(source: TimedSource): Promise<TimeAnswer> {
    return { kind: 'time', seconds: await this.#find(source) }
  }

  async #find(source: TimedSource): Promise<number | undefined> {
    const { checkouts, context, namedContexts } = this.#options
    switch (source.kind) {
      case 'git':
        return checkouts.findCommitTime(source.git)
      case 'http':
        return this.#findInDownload(source.url, source.checksum)
      case 'context':
        return this.#findOfContext(source.name === 'context' ? context : namedContexts.get(source.name))
      default:
        return source satisfies never
    }
  }

  async #findOfContext(context: ContextLocation | NamedContext | undefined): Promise<number | undefined> {
    const { checkouts, archive } = this.#options
    switch (context?.kind) {
      case 'git':
        return checkouts.findCommitTime(context.source)
      case 'url':
        return this.#findInDownload(context.url, undefined)
      case 'stream':
        return archive === undefined ? undefined : this.#findInArchive(archive)
      case 'folder':
      case 'image':
      case 'oci-layout':
      case 'scratch':
      case undefined:
        return undefined
      default:
        return context satisfies never
    }
  }

  async #findInDownload(url: string, checksum: Digest | undefined): Promise<number | undefined> {
    const { downloads, store } = this.#options
    const { digest, mtimeSeconds } = await downloads.fetchDated(url, checksum)
    return mtimeSeconds ?? this.#findInArchive(store.blobs.pathOf(digest))
  }

  async #findInArchive(path: string): Promise<number | undefined> {
    const { signal, tasks } = this.#options
    const { findNewestFile } = await import('../../cache/tar/index.ts')
    return tasks.run('[internal] find the newest file of the archive', () => findNewestFile(path, signal))
  }
}
