import { DigestMeter } from '../../core/digest.ts'
import { BuildError } from '../../core/errors.ts'
import type { Descriptor } from '../../core/image.ts'
import { imageInvalid, largestDocumentBytes } from './parse-document.ts'

/** Passes bytes on, never more than the descriptor says. Trust them once the loop has ended.
 *  @throws {BuildError} `DIGEST_MISMATCH` as soon as there are too many, or at the end */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  { digest, size }: Descriptor,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const meter = new DigestMeter()
  yield* ofSize(meter.measure(source), size, what)
  const found = meter.digest()
  if (found !== digest) throw mismatch(what, `its content has the digest ${found}`)
}

/** The same for bytes that whoever gives them has verified: they may not be those of the descriptor's size, if it does not tell the truth.
 *  @throws {BuildError} `DIGEST_MISMATCH` */
export async function* ofSize(
  source: AsyncIterable<Uint8Array>,
  size: number,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let passed = 0
  for await (const chunk of source) {
    passed += chunk.length
    if (passed > size) throw mismatch(what, `it has more than the ${size} bytes announced`)
    yield chunk
  }
  if (passed < size) throw mismatch(what, `it has ${passed} bytes, but ${size} were announced`)
}

/** A verified document, in memory.
 *  @throws {BuildError} `DIGEST_MISMATCH`, `IMAGE_INVALID` */
export async function readDocument(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  what: string,
): Promise<Uint8Array> {
  if (descriptor.size > largestDocumentBytes)
    throw imageInvalid(what, `its ${descriptor.size} bytes are more than 4 MiB`)
  const chunks: Uint8Array[] = []
  for await (const chunk of verified(source, descriptor, what)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function mismatch(what: string, why: string): BuildError {
  return new BuildError('DIGEST_MISMATCH', `Cannot use ${what}: ${why}`, {
    hint: 'It was damaged on its way here, or is not what it claims to be.',
  })
}
