import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore, type Store } from '../../cache/store.ts'
import { digestOf } from '../../core/digest.ts'
import { mediaTypes } from '../../core/image.ts'
import { layerName, type Layer } from '../../core/layer.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Executor } from '../process/client.ts'
import type { RebaseCall, UnpackCall } from '../process/protocol.ts'
import { LayerDirectories, type ImageLayer } from './layer-directories.ts'

const signal = new AbortController().signal

function imageLayer(name: string): ImageLayer {
  const digest = digestOf(name)
  return { kind: 'image', diffId: digest, blob: { mediaType: mediaTypes.ociLayerGzip, digest, size: 1 } }
}

const step: Layer = { kind: 'step', id: '1'.repeat(32), base: 'below', createdAtMs: 0 }

interface Bench {
  readonly directories: LayerDirectories
  /** What the executor and the registry were asked for. */
  readonly asked: readonly string[]
}

/** @param implied by the layer's diff ID: directories that its archive has no entries for. */
function bench(store: Store, implied: Readonly<Record<string, readonly string[]>> = {}): Bench {
  const asked: string[] = []
  const call = (name: string, request: unknown): Promise<unknown> => {
    const { layer } = request as { readonly layer: string }
    mkdirSync(layer)
    if (name === 'rebase') {
      asked.push('rebase')
      writeFileSync(join(layer, 'lower'), (request as RebaseCall).lower.join('\n'))
      return Promise.resolve()
    }
    asked.push('unpack')
    return Promise.resolve({ impliedDirectories: implied[(request as UnpackCall).diffId] ?? [], lowerLinks: [] })
  }
  const fetchBlob = (): Promise<void> => Promise.resolve(void asked.push('fetch'))
  const executor = { call } as unknown as Executor
  return { directories: new LayerDirectories(store, () => Promise.resolve(executor), fetchBlob, signal), asked }
}

test('a layer is fetched and unpacked once, whoever asks at the same time', async () => {
  await using store = openStore(temporaryFolder())
  const { directories, asked } = bench(store)
  const tree = [imageLayer('a')]
  const [one, other] = await Promise.all([directories.ensure(tree), directories.ensure(tree)])
  expect([one, asked]).toEqual([other, ['fetch', 'unpack']])
})

test('a later build finds it', async () => {
  await using store = openStore(temporaryFolder())
  await bench(store).directories.ensure([imageLayer('a')])
  const { directories, asked } = bench(store)
  await directories.ensure([imageLayer('a')])
  expect(asked).toEqual([])
})

test('paths stand lowest first, those of steps too', async () => {
  await using store = openStore(temporaryFolder())
  const layers = [imageLayer('b'), imageLayer('a'), step]
  mkdirSync(join(store.layersFolder, layerName(step)))
  expect(await bench(store).directories.ensure(layers)).toEqual(
    layers.map((layer) => join(store.layersFolder, layerName(layer))),
  )
})

test('a folder whose unpacking was cut off is set aside, and the layer unpacked again', async () => {
  await using store = openStore(temporaryFolder())
  const layer = imageLayer('a')
  mkdirSync(join(store.layersFolder, layerName(layer)))
  writeFileSync(join(store.layersFolder, layerName(layer), 'half'), '')
  const { directories, asked } = bench(store)
  const [path = ''] = await directories.ensure([layer])
  expect([asked, readdirSync(path)]).toEqual([['fetch', 'unpack'], []])
})

test('a layer whose folder was removed is unpacked again', async () => {
  await using store = openStore(temporaryFolder())
  const [path = ''] = await bench(store).directories.ensure([imageLayer('a')])
  rmSync(path, { recursive: true })
  const { directories, asked } = bench(store)
  await directories.ensure([imageLayer('a')])
  expect([asked, existsSync(path)]).toEqual([['fetch', 'unpack'], true])
})

test('a layer that depends on what is below it gets a variant for each stack', async () => {
  await using store = openStore(temporaryFolder())
  const [below, other, dependent] = [imageLayer('below'), imageLayer('other'), imageLayer('dependent')]
  const { directories, asked } = bench(store, { [dependent.diffId]: ['lib'] })
  const [lower, variant = ''] = await directories.ensure([below, dependent])
  const [, second] = await directories.ensure([other, dependent])
  const [, again] = await directories.ensure([below, dependent])
  expect(readFileSync(join(variant, 'lower'), 'utf8')).toBe(lower)
  expect([second === variant, again === variant, asked.filter((name) => name === 'rebase').length]).toEqual([
    false,
    true,
    2,
  ])
})

test('the lowest layer depends on nothing', async () => {
  await using store = openStore(temporaryFolder())
  const layer = imageLayer('a')
  const { directories, asked } = bench(store, { [layer.diffId]: ['lib'] })
  await directories.ensure([layer])
  expect(asked).toEqual(['fetch', 'unpack'])
})

test('a tree is complete when no step of it has to be carried out again', async () => {
  await using store = openStore(temporaryFolder())
  const { directories } = bench(store)
  expect(directories.isComplete([imageLayer('not here'), step])).toBe(false)
  mkdirSync(directories.pathOfStep(step.id))
  expect(directories.isComplete([imageLayer('not here'), step])).toBe(true)
})

test('a layer that cannot be fetched is not recorded', async () => {
  await using store = openStore(temporaryFolder())
  const failing = new LayerDirectories(
    store,
    () => Promise.resolve({} as Executor),
    () => Promise.reject(new Error('unreachable')),
    signal,
  )
  await expect(failing.ensure([imageLayer('a')])).rejects.toThrow('unreachable')
  const { directories, asked } = bench(store)
  await directories.ensure([imageLayer('a')])
  expect(asked).toEqual(['fetch', 'unpack'])
})
