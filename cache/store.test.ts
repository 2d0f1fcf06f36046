import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../core/digest.ts'
import { mediaTypes, type Descriptor } from '../core/image.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { putBytes } from './blobs/index.ts'
import { readImage, readIndex } from './images/index.ts'
import { openStore, type Store } from './store.ts'

test('a store keeps facts, blobs and names when it is opened again, and nothing unfinished', async () => {
  const home = temporaryFolder()
  const { digest } = await used(home, async (store) => {
    store.facts.put('record', 'key', 1)
    store.images.set('docker.io/library/app:1', { descriptor, createdAt: new Date(5) })
    await store.lease.makeFolder('unfinished')
    return putBytes(store.blobs, Buffer.from('bytes'))
  })
  await used(home, async (store) => {
    expect(store.facts.find('record', 'key')).toBe(1)
    expect(await store.blobs.stat(digest)).toEqual({ digest, sizeBytes: 5 })
    expect(store.images.find('docker.io/library/app:1')).toEqual({ descriptor, createdAt: new Date(5) })
  })
  expect(readdirSync(join(home, 'v1', 'tmp'))).toEqual([])
})

test('names are listed in order, replaced and removed', async () => {
  await used(temporaryFolder(), (store) => {
    const image = { descriptor, createdAt: new Date(5) }
    for (const name of ['b:1', 'a:1', 'b:1']) store.images.set(name, image)
    expect(store.images.list()).toEqual([
      { name: 'a:1', ...image },
      { name: 'b:1', ...image },
    ])
    store.images.remove('a:1')
    store.images.remove('a:1')
    expect(store.images.find('a:1')).toBeUndefined()
  })
})

test('readImage() gives empty lists where the builder wrote null', async () => {
  await used(temporaryFolder(), async (store) => {
    const config = await stored(store, mediaTypes.ociConfig, {
      architecture: 'arm64',
      os: 'linux',
      created: null,
      config: { Cmd: null, Env: ['A=1'] },
      rootfs: { type: 'layers', diff_ids: null },
      history: null,
    })
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: null }
    expect(readImage(store.blobs, await stored(store, mediaTypes.ociManifest, manifest))).toEqual({
      manifest: { ...manifest, layers: [] },
      imageFile: {
        architecture: 'arm64',
        os: 'linux',
        config: { Env: ['A=1'] },
        rootfs: { type: 'layers', diff_ids: [] },
        history: [],
      },
    })
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [config] }
    expect(readIndex(store.blobs, await stored(store, mediaTypes.ociIndex, index))).toEqual(index)
  })
})

test('readImage() says which blob is missing', async () => {
  await used(temporaryFolder(), (store) => {
    expect(() => readImage(store.blobs, descriptor)).toThrow(expect.objectContaining({ code: 'BLOB_NOT_FOUND' }))
  })
})

test('a store where no folder can be is refused with a hint', () => {
  const home = temporaryFolder()
  writeFileSync(join(home, 'file'), '')
  expect(() => openStore(join(home, 'file'))).toThrow(
    expect.objectContaining({ code: 'STORE_INVALID', hint: expect.stringContaining('STAVE_HOME') as string }),
  )
})

test('two builds do not hold one key together', async () => {
  const home = temporaryFolder()
  await using a = openStore(home)
  await using b = openStore(home)
  const held = await a.lock('key')
  await expect(b.lock('key', AbortSignal.timeout(50))).rejects.toThrow(/timeout/)
  await held[Symbol.asyncDispose]()
  await (await b.lock('key'))[Symbol.asyncDispose]()
})

const descriptor: Descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf('manifest'), size: 8 }

async function used<T>(home: string, use: (store: Store) => T | Promise<T>): Promise<T> {
  await using store = openStore(home)
  return await use(store)
}

async function stored(store: Store, mediaType: string, document: unknown): Promise<Descriptor> {
  const { digest, sizeBytes } = await putBytes(store.blobs, Buffer.from(JSON.stringify(document)))
  return { mediaType, digest, size: sizeBytes }
}
