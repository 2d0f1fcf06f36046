import { mkdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../../cache/store.ts'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes } from '../../core/image.ts'
import type { Layer } from '../../core/layer.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Executor } from '../process/client.ts'
import type { PackCall } from '../process/protocol.ts'
import { LayerBlobs } from './layer-blobs.ts'
import { LayerDirectories } from './layer-directories.ts'

const signal = new AbortController().signal

const ofBase: Layer = {
  kind: 'image',
  diffId: digestOf('plain'),
  blob: { mediaType: mediaTypes.dockerLayer, digest: digestOf('packed'), size: 6 },
}
const step = (id: string, base: 'below' | 'empty' = 'below'): Layer => ({
  kind: 'step',
  id: id.repeat(32),
  base,
  createdAtMs: 0,
})

interface Bench {
  readonly blobs: LayerBlobs
  readonly packed: readonly PackCall[]
}

/** A layer's archive is its folder's path; compressed, with a mark before it. */
function bench(store: Store, failures = 0): Bench {
  const packed: PackCall[] = []
  let left = failures
  const call = (_: 'pack', request: PackCall): Promise<unknown> => {
    packed.push(request)
    if (left-- > 0) return Promise.reject(new Error('cannot pack'))
    const content = `${request.compression === 'gzip' ? 'gz ' : ''}${request.folder}`
    if (request.path !== undefined) writeFileSync(request.path, content)
    return Promise.resolve({
      diffId: digestOf(request.folder),
      uncompressedBytes: request.folder.length,
      digest: digestOf(content),
      sizeBytes: content.length,
    })
  }
  const executor = (): Promise<Executor> => Promise.resolve({ call } as unknown as Executor)
  const directories = new LayerDirectories(store, executor, () => Promise.resolve(), signal)
  for (const id of ['1', '2']) mkdirSync(directories.pathOfStep(id.repeat(32)), { recursive: true })
  return { blobs: new LayerBlobs(store, directories, executor, signal), packed }
}

test('a base’s layer stays as its image has it, and nothing is packed', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  expect(await blobs.ensure([ofBase], 0, 'gzip')).toEqual({ diffId: ofBase.diffId, blob: ofBase.blob })
  expect(packed).toEqual([])
})

test('a step’s layer is packed once, whoever asks at the same time, and its blob is in the store', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  const [one, other] = await Promise.all([1, 2].map(() => blobs.ensure([step('1')], 0, 'gzip')))
  expect([one, packed.length]).toEqual([other, 1])
  expect(await store.blobs.stat(one!.blob.digest)).toMatchObject({ sizeBytes: one!.blob.size })
})

test('a later build finds the blob', async () => {
  await using store = openStore(temporaryFolder())
  const first = await bench(store).blobs.ensure([step('1')], 0, 'gzip')
  const { blobs, packed } = bench(store)
  expect([await blobs.ensure([step('1')], 0, 'gzip'), packed]).toEqual([first, []])
})

test('a blob that is gone from the store is packed again', async () => {
  await using store = openStore(temporaryFolder())
  const { blob } = await bench(store).blobs.ensure([step('1')], 0, 'gzip')
  await store.blobs.delete(blob.digest)
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1')], 0, 'gzip')
  expect(packed).toHaveLength(1)
})

test('each compression is a blob of its own, of the same content', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs } = bench(store)
  const [gzip, none] = [await blobs.ensure([step('1')], 0, 'gzip'), await blobs.ensure([step('1')], 0, 'none')]
  expect([gzip.diffId === none.diffId, gzip.blob.mediaType, none.blob.mediaType]).toEqual([
    true,
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayer,
  ])
})

test('a layer is packed on what is below it, one that stands alone on nothing', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1'), step('2')], 1, 'gzip')
  await blobs.ensure([step('2'), step('1', 'empty')], 1, 'gzip')
  expect(packed.map(({ lower }) => lower.length)).toEqual([1, 0])
})

test('the digest of the content alone is made without an archive, and once', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  const diffId = await blobs.diffIdOf([step('1')], 0)
  expect([await blobs.diffIdOf([step('1')], 0), packed.map(({ path }) => path)]).toEqual([diffId, [undefined]])
})

test('the digest of the content is known once the layer is packed', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  const { diffId } = await blobs.ensure([step('1')], 0, 'gzip')
  expect([await blobs.diffIdOf([step('1')], 0), packed.length]).toEqual([diffId, 1])
})

test('a layer that could not be packed is not recorded', async () => {
  await using store = openStore(temporaryFolder())
  await expect(bench(store, 1).blobs.ensure([step('1')], 0, 'gzip')).rejects.toThrow('cannot pack')
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1')], 0, 'gzip')
  expect(packed).toHaveLength(1)
})
