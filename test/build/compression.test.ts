import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { withGzipLayers } from '../support/gzip-layers.ts'
import { Project } from '../support/project.ts'
import { startRegistry } from '../support/registry.ts'
import { build, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const content = 'content '.repeat(10_000)

/** A step that only copies, and one that runs. */
function project(): Project {
  return new Project(base, {
    Dockerfile: 'FROM base\nCOPY f /app/f\nRUN seq 100000 > /app/numbers\nCOPY f /app/g\n',
    f: content,
  })
}

interface Layer {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

function layersOf(image: string): readonly Layer[] {
  const text = execFileSync('skopeo', ['inspect', '--raw', '--tls-verify=false', image], { encoding: 'utf8' })
  return (JSON.parse(text) as { readonly layers: readonly Layer[] }).layers
}

function diffIdsOf(image: string): readonly string[] {
  const text = execFileSync('skopeo', ['inspect', '--config', '--raw', image], { encoding: 'utf8' })
  return (JSON.parse(text) as { readonly rootfs: { readonly diff_ids: readonly string[] } }).rootfs.diff_ids
}

function unpack(layout: string): string {
  return unpackWithUmoci(withGzipLayers(layout, 'latest', `${layout}-gzip`), 'latest', `${layout}-unpacked`)
}

const layerType = 'application/vnd.oci.image.layer.v1.tar'
/** Of the base's two, then of the three steps'. */
const types = (ofBase: string, ofSteps: string): readonly string[] =>
  [ofBase, ofBase, ofSteps, ofSteps, ofSteps].map((suffix) => `${layerType}${suffix}`)

/** Layout folder of the project's image. */
async function buildLayout(at: Project, name: string, ...attributes: readonly string[]): Promise<string> {
  const layout = join(at.root, name)
  await at.build('-o', ['type=oci', `dest=${layout}`, 'tar=false', 'name=test:latest', ...attributes].join())
  return layout
}

const mediaTypesOf = (layout: string): readonly string[] =>
  layersOf(`oci:${layout}:latest`).map(({ mediaType }) => mediaType)

test('layers of steps are zstd, those of the base stay gzip; zstd(1) and skopeo read them, and their content is that of gzip', async () => {
  const at = project()
  const zstd = await buildLayout(at, 'zstd', 'compression=zstd')
  expect(mediaTypesOf(zstd)).toEqual(types('+gzip', '+zstd'))
  for (const { digest } of layersOf(`oci:${zstd}:latest`).slice(2))
    execFileSync('zstd', ['-tq', join(zstd, 'blobs', digest.replace(':', '/'))])
  const gzip = await buildLayout(at, 'gzip')
  expect(diffIdsOf(`oci:${zstd}:latest`)).toEqual(diffIdsOf(`oci:${gzip}:latest`))
  expect(describeTree(unpack(zstd))).toEqual(describeTree(unpackWithUmoci(gzip, 'latest', join(at.root, 'unpacked'))))
})

test('an image whose layers are zstd is built upon', async () => {
  const at = project()
  const zstd = await buildLayout(at, 'zstd', 'compression=zstd')
  const other = new Project(zstd, { Dockerfile: 'FROM packed\nRUN tail -n 1 /app/numbers > /last\n' })
  const tree = unpack(await other.buildLayout('--build-context', `packed=oci-layout://${zstd}:latest`))
  expect(readFileSync(join(tree, 'last'), 'utf8')).toBe('100000\n')
})

test('layers that are not compressed are plain archives', async () => {
  const at = project()
  const layout = await buildLayout(at, 'plain', 'compression=uncompressed')
  expect(mediaTypesOf(layout)).toEqual(types('+gzip', ''))
  const last = layersOf(`oci:${layout}:latest`).at(-1)
  const blob = join(layout, 'blobs', last?.digest.replace(':', '/') ?? '')
  expect(execFileSync('tar', ['-tf', blob], { encoding: 'utf8' })).toBe('app/\napp/g\n')
})

test('a level makes layers smaller, and an image of its own', async () => {
  const at = project()
  const sizes = []
  for (const level of ['1', '9']) {
    const layout = await buildLayout(at, `level-${level}`, 'compression=gzip', `compression-level=${level}`)
    sizes.push(layersOf(`oci:${layout}:latest`).reduce((sum, { size }) => sum + size, 0))
  }
  expect(sizes[1]).toBeLessThan(sizes[0] ?? 0)
})

test('forced, the base’s layers are compressed so too, and have the content that they had', async () => {
  const at = project()
  for (const compression of ['zstd', 'uncompressed']) {
    const layout = await buildLayout(at, compression, `compression=${compression}`, 'force-compression=true')
    const suffix = compression === 'zstd' ? '+zstd' : ''
    expect(mediaTypesOf(layout)).toEqual(types(suffix, suffix))
    expect(diffIdsOf(`oci:${layout}:latest`)[0]).toBe(diffIdsOf(`oci:${base}:base`)[0])
    expect(readFileSync(join(unpack(layout), 'app/f'), 'utf8')).toBe(content)
  }
})

test('outputs of one build may each have their own compression, and later builds find all of them', async () => {
  const at = project()
  const folders = ['zstd', 'gzip', 'uncompressed'].map((name) => [name, join(at.root, name)] as const)
  const outputs = folders.flatMap(([name, dest]) => [
    '-o',
    `type=oci,dest=${dest},tar=false,name=a:latest,compression=${name}`,
  ])
  await at.build(...outputs)
  const all = folders.map(([, dest]) => mediaTypesOf(dest))
  expect(all).toEqual([types('+gzip', '+zstd'), types('+gzip', '+gzip'), types('+gzip', '')])
  const { stderr } = await at.try(...outputs)
  expect(stderr.match(/\] (COPY|RUN) .*\n#\d+ CACHED/g)).toHaveLength(3)
})

test('a docker archive with zstd is loaded by podman', async () => {
  const at = project()
  const archive = join(at.root, 'image.tar')
  await at.build('-t', 'app:2', '-o', `type=docker,dest=${archive},compression=zstd,force-compression=true`)
  const places = ['--root', join(at.root, 'podman'), '--runroot', join(at.root, 'run'), '--storage-driver', 'vfs']
  const said = execFileSync('podman', [...places, 'load', '-i', archive], { encoding: 'utf8', stdio: 'pipe' })
  expect(said).toContain('docker.io/library/app:2')
})

test('an image with zstd layers is pushed, and pulled again from there', async () => {
  await using registry = await startRegistry()
  const at = project()
  const name = `${registry.host}/app:zstd`
  await at.build('-t', name, '-o', 'type=registry,compression=zstd,force-compression=true')
  const pushed = layersOf(`docker://${name}`).map(({ mediaType }) => mediaType)
  expect(pushed).toEqual(types('+zstd', '+zstd'))
  const other = new Project(base, { Dockerfile: `FROM ${name}\nRUN tail -n 1 /app/numbers > /last\n` })
  expect(readFileSync(join(unpack(await other.buildLayout()), 'last'), 'utf8')).toBe('100000\n')
})

/** A COPY of 3 MB, and a RUN that makes 7 MB of it. */
function largeProject(): Project {
  const lines = (from: number): string => Array.from({ length: 5000 }, (_, index) => `line ${from * index}\n`).join('')
  const files = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`files/f${index}`, lines(index + 1)]))
  const Dockerfile = [
    'FROM base',
    'COPY files /', // to where there is a directory: one that it made would have the time of the build
    'RUN for i in 1 2; do mkdir /copy$i; cp /f[0-9]* /copy$i; done; find /copy* -exec touch -d @0 {} +',
  ]
  return new Project(base, { Dockerfile: Dockerfile.join('\n'), ...files })
}

test.each(['gzip', 'zstd'])(
  'layers that are packed again by what is known of the earlier ones are those that a new store gives, with %s',
  async (compression) => {
    const at = largeProject()
    const attributes = [`compression=${compression}`, 'compression-level=1']
    const digestsOf = (layout: string): readonly string[] =>
      layersOf(`oci:${layout}:latest`).map(({ digest }) => digest)
    const first = digestsOf(await buildLayout(at, 'first', ...attributes))
    for (const round of ['second', 'third']) {
      writeFiles(at.context, { 'files/f25': `changed in the ${round}\n` })
      const again = digestsOf(await buildLayout(at, round, ...attributes))
      const store = join(at.root, `${round}-store`)
      const dest = join(at.root, `${round}-fresh`)
      const output = ['type=oci', `dest=${dest}`, 'tar=false', 'name=test:latest', ...attributes].join()
      await build(['-o', output, ...at.args], { store })
      expect(again).toEqual(digestsOf(dest))
      expect(again.filter((digest) => first.includes(digest))).toEqual(first.slice(0, 2)) // those of the base
      // However often the steps are carried out, the store remembers at most one layer of each.
      const facts = join(at.store, 'v1/facts/packed-blocks')
      expect(
        readdirSync(facts, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length,
      ).toBeLessThanOrEqual(2)
    }
  },
)

test('what stave does not make is refused by its name', async () => {
  const { code, stderr } = await project().try('-o', 'type=image,compression=estargz')
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('must be one of uncompressed, gzip and zstd; got "estargz"') as string,
  ])
})
