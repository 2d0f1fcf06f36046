import { mkdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../../cache/store.ts'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes } from '../../core/image.ts'
import type { Layer } from '../../core/layer.ts'
import { compressionName } from '../../core/layer-compression.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Executor } from '../process/client.ts'
import type { PackCall, RecompressCall } from '../process/protocol.ts'
import { LayerBlobs } from './layer-blobs.ts'
import { LayerDirectories, type ImageLayer } from './layer-directories.ts'
import type { LayerBlob } from './packed-layers.ts'

const signal = new AbortController().signal

const gzip = { type: 'gzip', level: 6 } as const
const zstd = { type: 'zstd', level: 3 } as const

const ofBase: ImageLayer = {
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
  readonly recompressed: readonly RecompressCall[]
  readonly pulled: readonly Layer[]
}

/** A layer's content is its folder's path; its archive tells how it was made. */
function bench(store: Store, failures = 0): Bench {
  const packed: PackCall[] = []
  let left = failures
  const recompressed: RecompressCall[] = []
  const pulled: Layer[] = []
  const call = (name: 'pack' | 'recompress', request: PackCall & Partial<RecompressCall>): Promise<unknown> => {
    if (name === 'pack') packed.push(request)
    else recompressed.push(request as RecompressCall)
    if (left-- > 0) return Promise.reject(new Error('cannot pack'))
    const content = `${compressionName(request.compression)}, by ${name}`
    if (request.path !== undefined) writeFileSync(request.path, content)
    return Promise.resolve({
      diffId: request.diffId ?? digestOf(request.folder),
      digest: digestOf(content),
      sizeBytes: content.length,
    })
  }
  const executor = (): Promise<Executor> => Promise.resolve({ call } as unknown as Executor)
  const fetchBlob = (layer: Layer): Promise<void> => Promise.resolve(void pulled.push(layer))
  const directories = new LayerDirectories(store, executor, fetchBlob, signal)
  for (const id of ['1', '2']) mkdirSync(directories.pathOfStep(id.repeat(32)), { recursive: true })
  const blobs = new LayerBlobs({ store, directories, executor, fetchBlob, signal })
  return { blobs, packed, recompressed, pulled }
}

test('a base’s layer stays as its image has it, and nothing is packed', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  expect(await blobs.ensure([ofBase], 0, gzip)).toEqual({ diffId: ofBase.diffId, blob: ofBase.blob })
  expect(packed).toEqual([])
})

test('a step’s layer is packed once, whoever asks at the same time, and its blob is in the store', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  const [one, other] = await Promise.all([1, 2].map(() => blobs.ensure([step('1')], 0, gzip)))
  expect([one, packed.length]).toEqual([other, 1])
  expect(await store.blobs.stat(one!.blob.digest)).toMatchObject({ sizeBytes: one!.blob.size })
})

test('a later build finds the blob', async () => {
  await using store = openStore(temporaryFolder())
  const first = await bench(store).blobs.ensure([step('1')], 0, gzip)
  const { blobs, packed } = bench(store)
  expect([await blobs.ensure([step('1')], 0, gzip), packed]).toEqual([first, []])
})

test('a blob that is gone from the store is packed again', async () => {
  await using store = openStore(temporaryFolder())
  const { blob } = await bench(store).blobs.ensure([step('1')], 0, gzip)
  await store.blobs.delete(blob.digest)
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1')], 0, gzip)
  expect(packed).toHaveLength(1)
})

test('each compression and level is a blob of its own, of the same content, made from the one before', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed, recompressed } = bench(store)
  const all: LayerBlob[] = []
  for (const compression of [gzip, { ...gzip, level: 9 }, zstd, { type: 'uncompressed' } as const, zstd])
    all.push(await blobs.ensure([step('1')], 0, compression))
  expect(all.map(({ blob }) => blob.mediaType)).toEqual([
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayerZstd,
    mediaTypes.ociLayer,
    mediaTypes.ociLayerZstd,
  ])
  expect(new Set(all.map(({ diffId }) => diffId)).size).toBe(1)
  expect(new Set(all.map(({ blob }) => blob.digest)).size).toBe(4)
  expect([packed.length, recompressed.length]).toEqual([1, 3])
})

test('a base’s layer is pulled and compressed anew where that is forced, once', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed, recompressed, pulled } = bench(store)
  const { diffId, blob } = await blobs.ensureForced([ofBase], 0, zstd)
  expect([diffId, blob.mediaType]).toEqual([ofBase.diffId, mediaTypes.ociLayerZstd])
  expect([packed.length, recompressed.map((request) => request.diffId), pulled]).toEqual([0, [ofBase.diffId], [ofBase]])
  const later = bench(store)
  expect(await later.blobs.ensureForced([ofBase], 0, zstd)).toEqual({ diffId, blob })
  expect([later.recompressed, later.pulled]).toEqual([[], []])
})

test('a base’s layer that is compressed so already stays, forced or not', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, recompressed, pulled } = bench(store)
  const { diffId, blob } = ofBase
  expect(await blobs.ensureForced([ofBase], 0, { type: 'uncompressed' })).toEqual({ diffId, blob })
  expect([recompressed, pulled]).toEqual([[], []])
})

test('a layer is packed on what is below it, one that stands alone on nothing', async () => {
  await using store = openStore(temporaryFolder())
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1'), step('2')], 1, gzip)
  await blobs.ensure([step('2'), step('1', 'empty')], 1, gzip)
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
  const { diffId } = await blobs.ensure([step('1')], 0, gzip)
  expect([await blobs.diffIdOf([step('1')], 0), packed.length]).toEqual([diffId, 1])
})

test('a layer that could not be packed is not recorded', async () => {
  await using store = openStore(temporaryFolder())
  await expect(bench(store, 1).blobs.ensure([step('1')], 0, gzip)).rejects.toThrow('cannot pack')
  const { blobs, packed } = bench(store)
  await blobs.ensure([step('1')], 0, gzip)
  expect(packed).toHaveLength(1)
})
