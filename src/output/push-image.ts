import { parseReference } from '../../core/reference.ts'
import type { Descriptor } from '../../core/image.ts'
import type { TaskReport } from '../tasks.ts'
import type { PackedImage } from './pack-image.ts'
import type { OutputContext } from './write-outputs.ts'

/** Pushes the image under one name. What the registry has is not sent; layers that it has in another repository are mounted from there, and are not
 *  even here then.
 *  @throws {BuildError} `REGISTRY_UNREACHABLE`, `REGISTRY_DENIED`, `REGISTRY_FAILED`, `CREDENTIALS_INVALID` */
export async function pushImage(
  name: string,
  image: PackedImage,
  { images, store, registries, signal }: OutputContext,
  report: TaskReport,
): Promise<void> {
  const target = parseReference(name)
  const registry = await registries.open()
  await registry.push(
    {
      target,
      tags: target.tag === undefined ? [] : [target.tag],
      root: image.root.descriptor,
      sourcesOf: ({ digest }) => images.repositoriesOf(digest, target.registry),
      onProgress: ({ descriptor, state, sentBytes }) =>
        report(`${state} ${descriptor.digest}`, sentBytes, descriptor.size),
      read: fetchThenRead,
    },
    { signal },
  )

  async function* fetchThenRead(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    await images.fetchBlob(descriptor)
    yield* store.blobs.readUnverified(descriptor.digest, { signal }) // pushing verifies what it sends
  }
}
