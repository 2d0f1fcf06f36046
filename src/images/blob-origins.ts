import type PQueue from 'p-queue'
import type { ImageStore } from '../../cache/unwritten-store.ts'
import type { Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { Descriptor } from '../../core/image.ts'
import type { Tasks } from '../tasks.ts'
import type { BlobOrigin } from './image-source.ts'
import type { RegistryHandle } from './registry-handle.ts'

const kind = 'blob-origin'

/** As many places as are worth remembering for one blob. */
const rememberedOrigins = 4

/** Few enough that the first are here early, and unpacked while the others are on their way; as many as other builders take. */
const fetchedAtOnce = 3

export interface BlobOriginsOptions {
  readonly store: ImageStore
  readonly registries: RegistryHandle
  readonly signal: AbortSignal
  readonly tasks: Tasks
}

/** Where layers can be had from that are not here: remembered over builds, so that a build that needs one finds it again. */
export class BlobOrigins {
  readonly #options: BlobOriginsOptions
  readonly #fetching = new Map<Digest, Promise<void>>()
  #queue: Promise<PQueue> | undefined

  constructor(options: BlobOriginsOptions) {
    this.#options = options
  }

  remember(digest: Digest, origin: BlobOrigin): void {
    const known = this.#find(digest)
    const [first] = known
    if (first !== undefined && isSame(first, origin)) return
    const others = known.filter((other) => !isSame(other, origin))
    this.#options.store.facts.put(kind, digest, [origin, ...others].slice(0, rememberedOrigins))
  }

  repositoriesOf(digest: Digest, registry: string): readonly string[] {
    return this.#find(digest).flatMap((origin) =>
      origin.kind === 'registry' && origin.registry === registry ? [origin.repository] : [],
    )
  }

  /** Brings the blob into the store, from the first place that has it.
   *  @throws {BuildError} `BLOB_NOT_FOUND` when no place is known, else what the last one answered */
  fetch(blob: Descriptor): Promise<void> {
    const known = this.#fetching.get(blob.digest)
    if (known !== undefined) return known
    const fetching = this.#fetch(blob)
    this.#fetching.set(blob.digest, fetching)
    return fetching
  }

  async #fetch(blob: Descriptor): Promise<void> {
    const { store, tasks, signal } = this.#options
    if ((await store.blobs.stat(blob.digest)) !== undefined) return
    const origins = this.#find(blob.digest)
    let failure: unknown = new BuildError(
      'BLOB_NOT_FOUND',
      `Cannot find layer ${blob.digest}: it is neither in the store nor known to be elsewhere`,
      {
        hint: 'Pull or import the base image again.',
      },
    )
    for (const origin of origins) {
      try {
        const queue = await this.#openQueue()
        await queue.add(() => {
          signal.throwIfAborted()
          return tasks.run(`[internal] fetch layer ${blob.digest.slice(0, 19)}`, (report) =>
            this.#fetchFrom(origin, blob, report),
          )
        })
        return
      } catch (error) {
        if (!(error instanceof BuildError)) throw error
        failure = error
      }
    }
    throw failure
  }

  async #fetchFrom(
    origin: BlobOrigin,
    blob: Descriptor,
    report: (detail: string, done: number, total: number) => void,
  ): Promise<void> {
    const { store, signal } = this.#options
    const bytes = await this.#open(origin, blob)
    await store.blobs.put(
      counted(bytes, (done) => report(blob.digest, done, blob.size)),
      { expect: blob.digest, signal },
    )
  }

  async #open(origin: BlobOrigin, blob: Descriptor): Promise<AsyncIterable<Uint8Array>> {
    if (origin.kind === 'layout') {
      const { openLayoutBlob } = await import('./layout-source.ts')
      return openLayoutBlob(origin.path, blob)
    }
    const { registries, signal } = this.#options
    const registry = await registries.open()
    return registry.readBlob({ ...origin, tag: undefined, digest: undefined }, blob, { signal })
  }

  #openQueue(): Promise<PQueue> {
    this.#queue ??= import('p-queue').then(({ default: Queue }) => new Queue({ concurrency: fetchedAtOnce }))
    return this.#queue
  }

  #find(digest: Digest): readonly BlobOrigin[] {
    return (this.#options.store.facts.find(kind, digest) as readonly BlobOrigin[] | undefined) ?? []
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, tell: (done: number) => void): AsyncGenerator<Uint8Array> {
  const tellEveryBytes = 4 * 1024 * 1024
  let done = 0
  let told = 0
  for await (const chunk of bytes) {
    done += chunk.length
    if (done - told >= tellEveryBytes) {
      told = done
      tell(done)
    }
    yield chunk
  }
}

function isSame(a: BlobOrigin, b: BlobOrigin): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
