import { digestOf, isDigest, type Digest } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import { mediaTypes, type Descriptor } from '../../core/image.ts'
import { formatReference, type Reference } from '../../core/reference.ts'
import { imageInvalid, largestDocumentBytes, verified, type FetchedDocument } from '../documents/index.ts'
import { PassingFailure, retrying, type Answer } from '../http/index.ts'
import type { Wish } from './authorizer.ts'
import { connectionError, registryFailed } from './registry-error.ts'
import type { RegistryHttp } from './registry-http.ts'

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

const accept = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
  '*/*;q=0.1',
].join(', ')

/** Asks what a name stands for. `undefined`: the registry does not know it.
 *  @throws {BuildError} as `fetchManifest` */
export async function findManifest(
  http: RegistryHttp,
  reference: Reference,
  options: RequestOptions,
): Promise<Descriptor | undefined> {
  const purpose = `look up ${formatReference(reference)}`
  const request = {
    target: manifestPath(reference),
    wish: pullWish(reference),
    purpose,
    headers: { accept },
    ...options,
  }
  const answer = await http.send({ ...request, method: 'HEAD', expect: [200, 404, 405] })
  await answer.discard()
  if (answer.status === 404) return undefined
  const digest = answer.header('docker-content-digest') ?? ''
  const size = Number(answer.header('content-length') ?? 0)
  const mediaType = mediaTypeOf(answer)
  if (answer.status === 200 && isDigest(digest) && mediaType !== undefined && Number.isSafeInteger(size) && size > 0) {
    if (reference.digest === undefined || reference.digest === digest) return { mediaType, digest, size }
  }
  try {
    return (await fetchManifest(http, reference, options)).descriptor
  } catch (error) {
    if (error instanceof BuildError && error.code === 'IMAGE_NOT_FOUND') return undefined
    throw error
  }
}

/** Fetches the manifest or the index that a name stands for. What is pinned by a digest has that digest; what is not has the digest that the
 *  registry gives, if it gives one.
 *  @throws {BuildError} `IMAGE_NOT_FOUND`, `IMAGE_INVALID`, `DIGEST_MISMATCH`, and what `RegistryHttp.send` throws */
export async function fetchManifest(
  http: RegistryHttp,
  reference: Reference,
  { signal }: RequestOptions,
): Promise<FetchedDocument> {
  const name = formatReference(reference)
  const purpose = `pull ${name}`
  const request = { target: manifestPath(reference), wish: pullWish(reference), purpose, headers: { accept }, signal }
  const fetchOnce = async () => {
    const answer = await http.sendOnce({ ...request, method: 'GET', expect: [200] })
    return { answer, bytes: await readDocumentBody(http, answer, purpose, signal) }
  }
  const { answer, bytes } = await retrying(fetchOnce, http.clock, signal)
  if (bytes === undefined) throw imageInvalid(name, 'its manifest has more than 4 MiB')
  const digest = digestOf(bytes)
  const announced = answer.header('docker-content-digest')
  for (const expected of [reference.digest, announced]) {
    if (expected === undefined || expected === digest) continue
    if (expected === announced && !isDigest(expected)) continue // some other hash, which is no promise to us
    throw digestMismatch(name, expected, digest)
  }
  return { descriptor: { mediaType: mediaTypeOf(answer) ?? mediaTypes.ociManifest, digest, size: bytes.length }, bytes }
}

/** Streams a blob and verifies it; goes on where a broken connection left off.
 *  @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, and what `RegistryHttp.send` throws
 *  @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs */
export function fetchBlob(
  http: RegistryHttp,
  source: Reference,
  descriptor: Descriptor,
  options: RequestOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  return verified(unverified(http, source, descriptor, options), descriptor, blobName(source, descriptor))
}

const pausesMs = [1000, 2000, 4000, 8000]

async function* unverified(
  http: RegistryHttp,
  source: Reference,
  descriptor: Descriptor,
  { signal }: RequestOptions,
): AsyncGenerator<Uint8Array> {
  const purpose = `pull ${blobName(source, descriptor)}`
  let receivedBytes = 0
  let failures = 0
  for (;;) {
    const answer = await requestBlob(http, source, descriptor, receivedBytes, purpose, signal)
    if (answer.status === 416) return answer.discard() // there is no more of it, whatever its descriptor says
    let skipBytes = answer.status === 200 ? receivedBytes : 0 // it does not know ranges: it begins anew
    try {
      for await (const chunk of answer.body) {
        const fresh = chunk.subarray(Math.min(skipBytes, chunk.length))
        skipBytes -= chunk.length - fresh.length
        if (fresh.length === 0) continue
        receivedBytes += fresh.length
        failures = 0
        yield fresh
      }
      if (receivedBytes >= descriptor.size || failures > 0) return
      failures += 1 // ended early without an error: that, too, may be a broken connection
    } catch (error) {
      const explained = http.explain(error, purpose, answer.url.host, signal)
      const pauseMs = pausesMs[failures]
      if (!(explained instanceof PassingFailure)) throw explained
      if (pauseMs === undefined) throw connectionError(purpose, answer.url.host, error)
      failures += 1
      await http.clock.sleep(pauseMs, signal)
    }
  }
}

async function requestBlob(
  http: RegistryHttp,
  source: Reference,
  { digest, size }: Descriptor,
  fromByte: number,
  purpose: string,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const headers = fromByte === 0 ? undefined : { range: `bytes=${fromByte}-${size - 1}` }
  const target = `/v2/${source.repository}/blobs/${digest}`
  const answer = await http.send({
    method: 'GET',
    target,
    wish: pullWish(source),
    purpose,
    headers,
    expect: fromByte === 0 ? [200, 404] : [200, 206, 404, 416],
    signal,
  })
  if (answer.status === 404) {
    await answer.discard()
    throw new BuildError('BLOB_NOT_FOUND', `Cannot ${purpose}: the registry does not have it`, {
      hint: 'The image was pushed in part, or cleaned away in part. Push it again.',
    })
  }
  if (answer.status === 206 && !(answer.header('content-range') ?? '').startsWith(`bytes ${fromByte}-`)) {
    await answer.discard()
    throw registryFailed(purpose, `${answer.url.host} sends another part of it than was asked for`)
  }
  return answer
}

/** `undefined`: it is too large. */
async function readDocumentBody(
  http: RegistryHttp,
  answer: Answer,
  purpose: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  try {
    return await answer.readAtMost(largestDocumentBytes)
  } catch (error) {
    throw http.explain(error, purpose, answer.url.host, signal)
  }
}

export function pullWish({ registry, repository }: Reference): Wish {
  return { registry, repository, action: 'pull' }
}

function manifestPath({ repository, tag, digest }: Reference): string {
  return `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`
}

function blobName({ registry, repository }: Reference, { digest }: Descriptor): string {
  return `${digest} of ${registry}/${repository}`
}

function mediaTypeOf(answer: Answer): string | undefined {
  return answer.header('content-type')?.split(';')[0]?.trim()
}

function digestMismatch(name: string, expected: string, found: Digest): BuildError {
  return new BuildError(
    'DIGEST_MISMATCH',
    `Cannot use ${name}: ${expected} was announced, but its manifest has the digest ${found}`,
    {
      hint: 'Something between here and the registry changes what it sends, or the registry is broken.',
    },
  )
}
