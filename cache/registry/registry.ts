import type { Descriptor } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'
import { formatReference, type Reference } from '../../core/reference.ts'
import { isIndexType, isManifestType, readDocument, resolveImage, type ResolvedImage } from '../documents/index.ts'
import { openTransport, systemClock, type Clock, type ProxySettings, type Transport } from '../http/index.ts'
import { Authorizer } from './authorizer.ts'
import { anonymous, type FindCredentials } from './credentials.ts'
import { fetchBlob, fetchManifest, findManifest, type RequestOptions } from './pull.ts'
import { pushImage, type Bounded, type PushedImage } from './push.ts'
import { RegistryHttp } from './registry-http.ts'

/** All registries, over the distribution protocol. Connections and tokens are kept for as long as it is open.
 *
 *  Every call may throw `BuildError`s: `REGISTRY_UNREACHABLE`, `REGISTRY_DENIED`, `REGISTRY_FAILED`, `CREDENTIALS_INVALID`; or `signal.reason`. What may pass
 *  (connections that break, 429 and 5xx) was tried five times by then.
 *  @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md */
export interface Registry extends AsyncDisposable {
  /** What the name stands for now: one request. `undefined`: the registry does not know it. */
  find(reference: Reference, options?: RequestOptions): Promise<Descriptor | undefined>
  /** The image for one platform: manifest and config, no layer.
   *  @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_INVALID`, `DIGEST_MISMATCH` */
  resolve(reference: Reference, platform: Platform, options?: RequestOptions): Promise<ResolvedImage>
  /** Streams a blob of the reference's repository and verifies it: trust the bytes once the loop has ended.
   *  @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH` */
  readBlob(source: Reference, descriptor: Descriptor, options?: RequestOptions): AsyncIterable<Uint8Array>
  /** Pushes all that the root leads to and the registry lacks. Resolving means "there, under each of the tags". */
  push(image: PushedImage, options?: RequestOptions): Promise<void>
}

export interface RegistryOptions {
  /** Default: none. */
  readonly credentials?: FindCredentials | undefined
  readonly proxies?: ProxySettings | undefined
  readonly clock?: Clock | undefined
}

/** Costs nothing before the first request. */
export function openRegistry(options: RegistryOptions = {}): Registry {
  return new DistributionRegistry(openTransport(options.proxies), options)
}

/** As Docker has it: more connections make registries refuse, not hurry. */
const mostBlobsAtOnce = 5

class DistributionRegistry implements Registry {
  readonly #transport: Transport
  readonly #http: RegistryHttp
  readonly #bounds = new Map<string, Promise<Bounded>>()

  constructor(transport: Transport, { credentials = anonymous, clock = systemClock }: RegistryOptions) {
    this.#transport = transport
    this.#http = new RegistryHttp(transport, new Authorizer(transport, credentials, clock), clock)
  }

  async find(reference: Reference, options: RequestOptions = {}): Promise<Descriptor | undefined> {
    return findManifest(this.#http, reference, options)
  }

  async resolve(reference: Reference, platform: Platform, options: RequestOptions = {}): Promise<ResolvedImage> {
    const root = await fetchManifest(this.#http, reference, options)
    const fetch = async (wanted: Descriptor): Promise<Uint8Array> => {
      const isConfig = !isManifestType(wanted.mediaType) && !isIndexType(wanted.mediaType)
      if (isConfig) return readDocument(this.readBlob(reference, wanted, options), wanted, wanted.digest)
      return (await fetchManifest(this.#http, { ...reference, digest: wanted.digest }, options)).bytes
    }
    return resolveImage(root, platform, fetch, formatReference(reference))
  }

  readBlob(source: Reference, descriptor: Descriptor, options: RequestOptions = {}): AsyncIterable<Uint8Array> {
    return fetchBlob(this.#http, source, descriptor, options)
  }

  async push(image: PushedImage, options: RequestOptions = {}): Promise<void> {
    await pushImage(this.#http, image, await this.#boundsOf(image.target.registry), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]()
  }

  #boundsOf(registry: string): Promise<Bounded> {
    let bounds = this.#bounds.get(registry)
    if (bounds === undefined) {
      bounds = openBounds()
      this.#bounds.set(registry, bounds)
    }
    return bounds
  }
}

async function openBounds(): Promise<Bounded> {
  const { default: PQueue } = await import('p-queue')
  const queue = new PQueue({ concurrency: mostBlobsAtOnce })
  return (work) => queue.add(work)
}
