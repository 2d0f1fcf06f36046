import { BuildError } from '../../core/errors.ts'
import type { Descriptor } from '../../core/image.ts'
import { formatReference, type Reference } from '../../core/reference.ts'
import { collectBlobs, readDocument, verified, type FetchedDocument } from '../documents/index.ts'
import { PassingFailure, retrying, type Answer } from '../http/index.ts'
import type { Wish } from './authorizer.ts'
import type { RequestOptions } from './pull.ts'
import { registryFailed } from './registry-error.ts'
import { locationOf, type RegistryHttp } from './registry-http.ts'

export interface PushedImage {
  /** Registry and repository to push to; its tag and digest are not looked at. */
  readonly target: Reference
  /** What the image is called there. With none, it can be had by its digest only. */
  readonly tags: readonly string[]
  /** Of the manifest or the index. */
  readonly root: Descriptor
  /** Any blob that the root leads to; its bytes are verified on their way. Called only for what the registry lacks, once for each try. */
  readonly read: (descriptor: Descriptor) => AsyncIterable<Uint8Array>
  /** Repositories of the same registry that have the blob, best first: it is mounted from there rather than uploaded. */
  readonly sourcesOf?: ((descriptor: Descriptor) => readonly string[]) | undefined
  readonly onProgress?: ((progress: PushProgress) => void) | undefined
}

export interface PushProgress {
  readonly descriptor: Descriptor
  readonly state: 'uploading' | 'present' | 'mounted' | 'uploaded'
  readonly sentBytes: number
}

/** Bounds the work on one registry. */
export type Bounded = <T>(work: () => Promise<T>) => Promise<T>

/** A request for each of more repositories would cost more than an upload. */
const mostMountTries = 3

/** Pushes blobs first, then manifests, then the index, then tags: the registry never names what it does not have.
 *  @throws {BuildError} as `RegistryHttp.send`, and what `image.read` throws
 *  @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push */
export async function pushImage(
  http: RegistryHttp,
  image: PushedImage,
  bounded: Bounded,
  { signal }: RequestOptions,
): Promise<void> {
  const { documents, blobs } = await collectBlobs(image.root, (wanted) =>
    readDocument(image.read(wanted), wanted, wanted.digest),
  )
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  const pushes = blobs.map((blob) => bounded(() => new BlobPush(http, image, blob, either).run()))
  for (const push of pushes) push.catch((error: unknown) => failed.abort(error))
  await Promise.allSettled(pushes) // none outlives this call
  await Promise.all(pushes)
  if (failed.signal.aborted) throw failed.signal.reason
  const root = documents.at(-1)
  for (const document of documents.slice(0, -1))
    await putManifest(http, image, document, document.descriptor.digest, signal)
  if (root === undefined) return
  const names = image.tags.length === 0 ? [root.descriptor.digest] : image.tags
  for (const name of names) await putManifest(http, image, root, name, signal)
}

class BlobPush {
  readonly #http: RegistryHttp
  readonly #image: PushedImage
  readonly #blob: Descriptor
  readonly #signal: AbortSignal
  readonly #wish: Wish
  readonly #purpose: string

  constructor(http: RegistryHttp, image: PushedImage, blob: Descriptor, signal: AbortSignal) {
    const { registry, repository } = image.target
    this.#http = http
    this.#image = image
    this.#blob = blob
    this.#signal = signal
    this.#wish = { registry, repository, action: 'push' }
    this.#purpose = `push ${blob.digest} to ${registry}/${repository}`
  }

  async run(): Promise<void> {
    this.#signal.throwIfAborted()
    if (await this.#isPresent()) {
      this.#report('present', 0)
      return
    }
    const session = await this.#mount()
    if (session === 'mounted') {
      this.#report('mounted', 0)
      return
    }
    await this.#upload(session)
    this.#report('uploaded', this.#blob.size)
  }

  async #isPresent(): Promise<boolean> {
    const answer = await this.#send('HEAD', `blobs/${this.#blob.digest}`, [200, 404, 405])
    await answer.discard()
    return answer.status === 200
  }

  /** A registry that will not mount opens an upload instead, which is then used. `undefined`: neither. */
  async #mount(): Promise<'mounted' | URL | undefined> {
    const { target, sourcesOf } = this.#image
    const sources = (sourcesOf?.(this.#blob) ?? []).filter((source) => source !== target.repository)
    for (const source of sources.slice(0, mostMountTries)) {
      const query = new URLSearchParams({ mount: this.#blob.digest, from: source })
      const wish = { ...this.#wish, alsoPull: [source] }
      const answer = await this.#tryMount(`blobs/uploads/?${query.toString()}`, wish)
      if (answer === undefined) continue
      await answer.discard()
      if (answer.status === 201) return 'mounted'
      if (answer.status === 202) return locationOf(answer, this.#purpose)
    }
    return undefined
  }

  /** Whoever may not read the source may still upload. */
  async #tryMount(path: string, wish: Wish): Promise<Answer | undefined> {
    try {
      return await this.#send('POST', path, [201, 202, 400, 403, 404, 405], wish)
    } catch (error) {
      if (error instanceof BuildError && error.code === 'REGISTRY_DENIED') return undefined
      throw error
    }
  }

  /** A failed upload starts over as a whole, in a session of its own. */
  async #upload(opened: URL | undefined): Promise<void> {
    let session = opened
    await retrying(
      async () => {
        const location = session ?? (await this.#openSession())
        session = undefined
        await this.#putBytes(location)
      },
      this.#http.clock,
      this.#signal,
    )
  }

  async #openSession(): Promise<URL> {
    const answer = await this.#send('POST', 'blobs/uploads/', [202])
    await answer.discard()
    return locationOf(answer, this.#purpose)
  }

  async #putBytes(location: URL): Promise<void> {
    const target = new URL(location)
    target.search += `${target.search === '' ? '' : '&'}digest=${encodeURIComponent(this.#blob.digest)}`
    let failure: unknown
    const read = () => this.#readCounted((error) => (failure = error))
    try {
      const answer = await this.#http.sendOnce({
        method: 'PUT',
        target,
        wish: this.#wish,
        purpose: this.#purpose,
        expect: [200, 201, 202, 204, 404, 416],
        body: { mediaType: 'application/octet-stream', sizeBytes: this.#blob.size, read },
        signal: this.#signal,
      })
      await answer.discard()
      if (answer.status < 300) return
    } catch (error) {
      throw failure ?? error
    }
    throw new PassingFailure(registryFailed(this.#purpose, 'the registry has forgotten the upload that it began'))
  }

  /** Our own failure to read must not pass for one of the connection that it breaks. */
  async *#readCounted(onFailure: (error: unknown) => void): AsyncGenerator<Uint8Array> {
    let sentBytes = 0
    try {
      for await (const chunk of verified(this.#image.read(this.#blob), this.#blob, this.#blob.digest)) {
        yield chunk
        sentBytes += chunk.byteLength
        this.#report('uploading', sentBytes)
      }
    } catch (error) {
      onFailure(error)
      throw error
    }
  }

  #report(state: PushProgress['state'], sentBytes: number): void {
    this.#image.onProgress?.({ descriptor: this.#blob, state, sentBytes })
  }

  async #send(method: 'HEAD' | 'POST', path: string, expect: readonly number[], wish = this.#wish): Promise<Answer> {
    const target = `/v2/${wish.repository}/${path}`
    return this.#http.send({ method, target, wish, purpose: this.#purpose, expect, signal: this.#signal })
  }
}

async function putManifest(
  http: RegistryHttp,
  { target }: PushedImage,
  { descriptor, bytes }: FetchedDocument,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { registry, repository } = target
  const reference =
    name === descriptor.digest ? { digest: descriptor.digest, tag: undefined } : { digest: undefined, tag: name }
  const purpose = `push ${formatReference({ registry, repository, ...reference })}`
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* read() {
    yield bytes
  }
  const answer = await http.send({
    method: 'PUT',
    target: `/v2/${repository}/manifests/${name}`,
    wish: { registry, repository, action: 'push' },
    purpose,
    expect: [200, 201, 202, 204],
    body: { mediaType: descriptor.mediaType, sizeBytes: bytes.byteLength, read },
    signal,
  })
  await answer.discard()
  const stored = answer.header('docker-content-digest')
  if (stored?.startsWith('sha256:') === true && stored !== descriptor.digest) {
    throw registryFailed(purpose, `the registry stored ${stored} rather than ${descriptor.digest}`)
  }
}
