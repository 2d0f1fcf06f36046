import { openLayout, type Layout, type LayoutSelector } from '../../cache/layout/index.ts'
import { isDigest } from '../../core/digest.ts'
import type { Descriptor } from '../../core/image.ts'
import type { Platform } from '../../core/platform.ts'
import type { FoundImage } from './image-source.ts'
import type { NamedContext } from './named-context.ts'

/** An image in an OCI layout, or in an archive of one.
 *  @throws {BuildError} `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `IMAGE_INVALID`, `ARCHIVE_INVALID`, `DIGEST_MISMATCH` */
export async function resolveInLayout(
  { path, selector }: Extract<NamedContext, { kind: 'oci-layout' }>,
  platform: Platform,
): Promise<FoundImage> {
  await using layout = await openLayout(path)
  const { manifestDocument, configDocument } = await layout.resolve(selectorOf(selector), platform)
  return {
    descriptor: manifestDocument.descriptor,
    manifest: manifestDocument.bytes,
    config: configDocument.bytes,
    origin: { kind: 'layout', path },
  }
}

/** A blob of the layout, verified: trust it once the loop has ended.
 *  @throws {BuildError} `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, and what `openLayout()` throws */
export async function* openLayoutBlob(path: string, blob: Descriptor): AsyncGenerator<Uint8Array> {
  await using layout: Layout = await openLayout(path)
  yield* layout.readBlob(blob)
}

function selectorOf(text: string | undefined): LayoutSelector {
  if (text === undefined) return { by: 'only' }
  return isDigest(text) ? { by: 'digest', digest: text } : { by: 'tag', tag: text }
}
