import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { lingering } from '../support/leftovers.ts'
import { build, repository } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

const folder = openTemporaryFolder()
const context = join(repository, 'fixtures/sandboxes')
const sandboxes = ['oci', 'native', 'chroot'] as const
type Name = (typeof sandboxes)[number]
const built = new Map<Name, PromiseSettledResult<Built>>()

interface Built {
  readonly rootfs: string
  /** As `describeTree()` has it. */
  readonly tree: readonly string[]
  /** As GNU tar lists them, without times. */
  readonly layers: readonly (readonly string[])[]
}

beforeAll(async () => {
  const base = makeBaseLayout(folder.path)
  const results = await Promise.allSettled(sandboxes.map((name) => buildIn(name, base)))
  for (const [index, result] of results.entries()) built.set(sandboxes[index] ?? 'oci', result)
}, 240_000)
afterAll(() => folder[Symbol.dispose]())

async function buildIn(name: Name, base: string): Promise<Built> {
  const layout = join(folder.path, `layout-${name}`)
  const output = `type=oci,dest=${layout},tar=false,name=test:latest`
  const args = [
    '--isolation',
    name,
    '--allow',
    'network.host',
    '--build-context',
    `base=oci-layout://${base}:base`,
    '-o',
    output,
    context,
  ]
  await build(args, { store: join(folder.path, `store-${name}`) })
  const rootfs = unpackWithUmoci(layout, 'latest', join(folder.path, `unpacked-${name}`))
  return { rootfs, tree: describeTree(rootfs), layers: listLayers(layout) }
}

function listLayers(layout: string): readonly (readonly string[])[] {
  const text = execFileSync('skopeo', ['inspect', '--raw', `oci:${layout}:latest`], { encoding: 'utf8' })
  const manifest = JSON.parse(text) as { readonly layers: readonly { readonly digest: string }[] }
  return manifest.layers.map(({ digest }) => {
    const blob = join(layout, 'blobs', digest.replace(':', '/'))
    const listing = execFileSync('tar', ['-tvzf', blob, '--numeric-owner', '--utc'], { encoding: 'utf8' })
    return listing
      .split('\n')
      .map((line) => (line.includes('made/times/') ? line : line.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d /, ' ')))
  })
}

function from(name: Name): Built {
  const result = built.get(name)
  if (result?.status !== 'fulfilled') throw new Error(`nothing was built in ${name}`, { cause: result?.reason })
  return result.value
}

describe('the sandboxes oci and native', () => {
  test('leave the same tree', () => {
    expect(from('native').tree).toEqual(from('oci').tree)
  })

  test('show steps the same devices, mounts, limits, capabilities and protections', () => {
    for (const file of [
      'dev',
      'mounts',
      'streams',
      'read-only',
      'limits',
      'status',
      'protected',
      'attempts',
      'hosts',
      'network-none',
      'network-host',
    ])
      expect([file, readSeen('native', file)]).toEqual([file, readSeen('oci', file)])
  })

  test('make layers with the same entries: names, types, modes, owners, sizes and links, and times that were set', () => {
    expect(from('native').layers).toEqual(from('oci').layers)
    expect(
      from('oci')
        .layers.flat()
        .filter((line) => /made\/times\/./.test(line)),
    ).toEqual([
      expect.stringContaining('2001-09-09 01:46 made/times/a'),
      expect.stringContaining('1970-01-01 00:00 made/times/b'),
      expect.stringContaining('2001-09-09 01:46 made/times/d/'),
      expect.stringContaining('2009-02-13 23:31 made/times/l'),
    ])
  })
})

test('the sandbox chroot leaves the same tree, but for what steps saw of their surroundings', () => {
  const files = (name: Name) => from(name).tree.filter((line) => !line.includes('seen/'))
  expect(files('chroot')).toEqual(files('oci'))
})

describe.each(sandboxes)('in the sandbox %s', (name) => {
  const made = (path: string): string => readFileSync(join(from(name).rootfs, 'made', path), 'utf8')

  test('a step has the ids and the home of its USER', () => {
    const home = join(from(name).rootfs, 'home/alice')
    expect(readFileSync(join(home, 'id'), 'utf8')).toBe('uid=2001(alice) gid=3001(team) groups=3001(team),3002(more)\n')
    expect(readFileSync(join(home, 'own/where'), 'utf8')).toBe('/home/alice\n/home/alice\n')
    expect(made('id-of-numbers')).toBe('uid=4004 gid=5005 groups=5005\n')
    expect(made('id-of-names')).toBe('uid=1000(app) gid=2000(extra) groups=2000(extra)\n')
    expect(made('by-setuid')).toBe('0\n0\n')
  })

  test('a step has the environment of the Dockerfile, no terminal and nothing to read', () => {
    expect(made('env').trim().split('\n')).toEqual([
      'ARGUMENT=value',
      'HOME=/root',
      'PATH=/bin:/usr/bin',
      'PLAIN=1',
      'PWD=/',
      'QUOTED=a "b" $c',
      'SPACED=two  words',
    ])
    expect(made('stdio')).toBe('stdin ended\nno terminal\n')
    expect(made('argv')).toBe('one two||three\\n|')
    expect(made('umask')).toBe('0022\n')
  })

  test('what a step leaves running ends with it', async () => {
    expect(from(name).tree.filter((line) => line.includes('made/late'))).toEqual([])
    expect(made('trapped')).toBe('trapped\n')
    expect(made('status-of-killed')).toBe('137\n')
    expect(await lingering('765432', 1)).toEqual([])
  })

  test('mounts leave nothing but what was copied from them', () => {
    const left = from(name).tree.filter((line) => /^(bound|given|mnt|made\/(tools|temporary|single))\b/.test(line))
    expect(left).toEqual([])
    expect(made('from-mounts')).toMatch(/^from the context\ngiven\nfrom the context\ntool x\n\/bound\n/)
  })
})

function readSeen(name: Name, file: string): string {
  return readFileSync(join(from(name).rootfs, 'seen', file), 'utf8')
}
