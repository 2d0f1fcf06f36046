import { setImmediate } from 'node:timers/promises'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { usualCompression } from '../../core/layer-compression.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeTree } from '../../test/support/tree.ts'
import { makeNode } from '../linux/index.ts'
import { packLayer, type PackedLayer } from './pack-layer.ts'

interface Setting {
  readonly root: string
  readonly folder: string
}

/** @param script makes the layer's files, in its folder. */
function setting(script = ''): Setting {
  const root = temporaryFolder()
  const folder = join(root, 'layer')
  mkdirSync(folder)
  execFileSync('bash', ['-ec', script], { cwd: folder })
  return { root, folder }
}

async function pack(
  { root, folder }: Setting,
  name = 'plain.tar',
  lower: readonly string[] = [],
): Promise<PackedLayer> {
  const compression = name.endsWith('.gz') ? usualCompression : ({ type: 'uncompressed' } as const)
  return packLayer(folder, lower, join(root, name), { compression })
}

/** What GNU tar lists. */
function listed(archive: string): readonly string[] {
  return execFileSync('tar', ['-tf', archive, '--quoting-style=literal'], { encoding: 'utf8' }).trim().split('\n')
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const everyKind = `
  mkdir -p d/e && chmod 2750 d && echo content > d/file && chown 12:34 d/file && chmod 4755 d/file
  ln d/file d/e/hard && ln d/file d/z && ln -s ../nowhere d/e/soft && ln -s "$(printf 'x%.0s' {1..150})" d/longlink
  mkfifo d/pipe && mknod d/null c 1 3 && mknod d/disk b 8 300
  touch -d @1700000000.999 d/recent && touch -d @-1.5 d/old && touch -d @4102444800 d/late
  head -c 1000001 /dev/urandom > d/random && truncate -s 10M d/sparse && : > d/empty
  echo 1 > "d/$(printf 'n%.0s' {1..240})" && echo 2 > d/äöü && echo 3 > 'd/a"b\\c d' && echo 4 > $'d/line\\nbreak'
  p=d/deep; for i in {1..12}; do p=$p/$(printf 'q%.0s' {1..60}); done; mkdir -p $p && echo 5 > $p/f
  cp /bin/true d/caps && setfattr -n user.mine -v yes d/caps && setcap cap_net_raw+ep d/caps
  echo big > d/owned && chown 3000000:4000000 d/owned
`

test('GNU tar unpacks every kind of file as it was', async () => {
  const at = setting(everyKind)
  await pack(at)
  const unpacked = join(at.root, 'unpacked')
  mkdirSync(unpacked)
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-xpf', join(at.root, 'plain.tar'), '-C', unpacked], {
    stdio: 'pipe',
  })
  expect(describeTree(unpacked)).toEqual(describeTree(at.folder))
})

test('times are whole seconds, rounded down', async () => {
  const at = setting('touch -d @1700000000.999 recent; touch -d @-1.5 old')
  await pack(at)
  const unpacked = join(at.root, 'unpacked')
  mkdirSync(unpacked)
  execFileSync('tar', ['-xpf', join(at.root, 'plain.tar'), '-C', unpacked], { stdio: 'pipe' })
  const times = execFileSync('stat', ['-c', '%n %.3Y', 'recent', 'old'], { cwd: unpacked, encoding: 'utf8' })
  expect(times).toBe('recent 1700000000.000\nold -2.000\n')
})

test('entries stand by their paths, and a further name of a file is a link to its first', async () => {
  const at = setting('mkdir b && echo x > b/2 && ln b/2 b/1 && ln b/2 a && mkdir c')
  await pack(at)
  const long = execFileSync('tar', ['-tvf', join(at.root, 'plain.tar')], { encoding: 'utf8' })
    .trim()
    .split('\n')
  expect(long.map((line) => line.charAt(0) + line.slice(line.lastIndexOf(':') + 3))).toEqual([
    '- a',
    'd b/',
    'h b/1 link to a',
    'h b/2 link to a',
    'd c/',
  ])
})

test('owners are numbers alone', async () => {
  const at = setting('echo x > a && chown daemon:daemon a')
  await pack(at)
  const header = readFileSync(join(at.root, 'plain.tar')).subarray(0, 512)
  expect(header.subarray(265, 329).every((byte) => byte === 0)).toBe(true)
})

test('a removal is a whiteout', async () => {
  const at = setting('mkdir d')
  const lower = join(at.root, 'lower')
  mkdirSync(join(lower, 'd'), { recursive: true })
  writeFileSync(join(lower, 'd/gone'), '')
  makeNode(join(at.folder, 'd/gone'), 'character-device', 0, 0)
  await pack(at, 'plain.tar', [lower])
  expect(listed(join(at.root, 'plain.tar'))).toEqual(['d/', 'd/.wh.gone'])
})

test('a layer without a change is the archive without an entry, which every builder has', async () => {
  // 1024 zero bytes.
  expect((await pack(setting())).diffId).toBe('sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef')
})

for (const [size, script] of Object.entries({ small: 'echo x > a', large: 'head -c 3000000 /dev/urandom > a' })) {
  test(`a ${size} layer is gzip as gzip(1) reads it, and its digests are true`, async () => {
    const at = setting(script)
    const { diffId, digest, sizeBytes } = await pack(at, 'layer.tar.gz')
    const path = join(at.root, 'layer.tar.gz')
    execFileSync('gzip', ['-t', path])
    const plain = execFileSync('gzip', ['-dc', path], { maxBuffer: 1 << 26 })
    const stored = readFileSync(path)
    expect({ diffId, digest, sizeBytes }).toEqual({
      diffId: sha256(plain),
      digest: sha256(stored),
      sizeBytes: stored.length,
    })
  })
}

test('the same files make the same bytes, wherever and whenever they are', async () => {
  const script = 'mkdir d && echo x > d/b && echo y > d/a && ln d/a d/c && find . -exec touch -h -d @1000 {} +'
  const [one, other] = [setting(script), setting(script)]
  expect(await pack(one, 'layer.tar.gz')).toEqual(await pack(other, 'layer.tar.gz'))
})

test('without a path only the digests are made, the same ones', async () => {
  const at = setting(everyKind)
  const { diffId } = await pack(at)
  expect((await packLayer(at.folder, [], undefined, { compression: usualCompression })).diffId).toBe(diffId)
})

test('a file that is there already is not written over', async () => {
  const at = setting('echo x > a')
  writeFileSync(join(at.root, 'plain.tar'), 'mine')
  await expect(pack(at)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(readFileSync(join(at.root, 'plain.tar'), 'utf8')).toBe('mine')
})

for (const name of ['plain.tar', 'layer.tar.gz']) {
  test(`when packing fails, no ${name} is left`, async () => {
    const at = setting('head -c 3000000 /dev/zero > a; ln -s "$(printf "\\377")" z')
    await expect(pack(at, name)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(existsSync(join(at.root, name))).toBe(false)
  })
}

test('a file that gets shorter while it is packed fails the packing', async () => {
  const at = setting('head -c 90000000 /dev/zero > a')
  const packing = pack(at, 'layer.tar.gz')
  await setImmediate() // it has begun to read
  truncateSync(join(at.folder, 'a'), 600_000)
  await expect(packing).rejects.toThrow('before its size')
})
