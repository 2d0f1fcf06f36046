import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTar } from '../../cache/tar/index.ts'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { unpackEntries, type UnpackOptions, type UnpackResult } from './unpack-entries.ts'

interface Setting {
  /** Holds the folders of the setting, and nothing else. */
  readonly root: string
  readonly lower: string
  readonly upper: string
}

function setting(): Setting {
  const root = temporaryFolder()
  const at = { root, lower: join(root, 'lower'), upper: join(root, 'upper') }
  mkdirSync(at.lower)
  mkdirSync(at.upper)
  return at
}

async function unpack(
  at: Setting,
  entries: readonly SampleEntry[],
  options: Partial<UnpackOptions> = {},
): Promise<UnpackResult> {
  const layer = new LayerFolder(at.upper, [at.lower], 0n)
  const archive = (async function* () {
    yield await Promise.resolve(archiveOf(entries))
  })()
  const result = await unpackEntries(layer, readTar(archive), {
    into: '',
    whiteouts: 'apply',
    owner: undefined,
    ...options,
  })
  layer.close()
  return result
}

/** Type and path of all that is below, as find(1) sees it. */
function found(folder: string): readonly string[] {
  const lines = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%y %P\n'], { cwd: folder, encoding: 'utf8' })
  return lines.trim().split('\n').sort()
}

/** What is seen of the layers together. */
function seen({ lower, upper }: Setting, directory = ''): readonly string[] {
  return new LayeredTree([lower, upper]).readDirectory(directory)
}

test('a name that climbs ends at the root', async () => {
  const at = setting()
  await unpack(at, [{ path: '../../../outside' }, { path: 'a/../../b' }])
  expect(found(at.upper)).toEqual(['f b', 'f outside'])
  expect(existsSync(join(at.root, 'outside'))).toBe(false)
})

test('an absolute name is one below the root', async () => {
  const at = setting()
  await unpack(at, [{ path: '/stave-test-absolute/x' }])
  expect(found(at.upper)).toEqual(['d stave-test-absolute', 'f stave-test-absolute/x'])
})

test('a link to the host leads into the tree', async () => {
  const at = setting()
  const outside = join(at.root, 'outside')
  mkdirSync(outside)
  await unpack(at, [
    { path: 'l', type: 'symlink', linkName: outside },
    { path: 'l/x', content: 'mine' },
  ])
  expect(existsSync(join(outside, 'x'))).toBe(false)
  expect(readFileSync(join(at.upper, outside, 'x'), 'utf8')).toBe('mine')
})

test('links through links that climb end at the root', async () => {
  const at = setting()
  await unpack(at, [
    { path: 'd/one', type: 'symlink', linkName: '../../../..' },
    { path: 'two', type: 'symlink', linkName: 'd/one/e' },
    { path: 'two/x' },
  ])
  expect(found(at.upper)).toEqual(['d d', 'd e', 'f e/x', 'l d/one', 'l two'])
})

test('a file takes the place of a link of its name, and is not written through it', async () => {
  const at = setting()
  writeFileSync(join(at.root, 'victim'), 'untouched')
  await unpack(at, [
    { path: 'l', type: 'symlink', linkName: '../victim' },
    { path: 'l', content: 'mine' },
  ])
  expect(readFileSync(join(at.root, 'victim'), 'utf8')).toBe('untouched')
  expect(lstatSync(join(at.upper, 'l')).isFile()).toBe(true)
})

test('a hard link to a name outside is one to a name inside, which a lower layer would have to have', async () => {
  const at = setting()
  writeFileSync(join(at.root, 'victim'), '')
  const { lowerLinks } = await unpack(at, [{ path: 'l', type: 'hardlink', linkName: '../../victim' }])
  expect(lowerLinks).toEqual([{ path: 'l', target: 'victim' }])
  expect(existsSync(join(at.upper, 'l'))).toBe(false)
})

test('a hard link to a link shares the link, not what it leads to', async () => {
  const at = setting()
  await unpack(at, [
    { path: 's', type: 'symlink', linkName: '/etc/passwd' },
    { path: 'h', type: 'hardlink', linkName: 's' },
  ])
  expect(readlinkSync(join(at.upper, 'h'))).toBe('/etc/passwd')
})

test('a hard link in the place of the directory that its file is in is an error', async () => {
  const at = setting()
  await expect(unpack(at, [{ path: 'd/x' }, { path: 'd', type: 'hardlink', linkName: 'd/x' }])).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
  })
})

test('a hard link to a file below carries that file up, and both are one', async () => {
  const at = setting()
  writeFileSync(join(at.lower, 'a'), 'below', { mode: 0o640 })
  await unpack(at, [{ path: 'b', type: 'hardlink', linkName: 'a', mode: 0o640 }])
  const [a, b] = ['a', 'b'].map((name) => lstatSync(join(at.upper, name)))
  expect([a?.ino, (a?.mode ?? 0) & 0o7777]).toEqual([b?.ino, 0o640])
  expect(readFileSync(join(at.upper, 'b'), 'utf8')).toBe('below')
})

test('the header of a hard link is the file’s, since it comes later', async () => {
  const at = setting()
  await unpack(at, [
    { path: 'a', content: 'x', mode: 0o640, uid: 1 },
    { path: 'b', type: 'hardlink', linkName: 'a', mode: 0o600, uid: 2, mtimeSeconds: 5 },
  ])
  const { mode, uid, mtimeMs } = lstatSync(join(at.upper, 'a'))
  expect([mode & 0o7777, uid, mtimeMs]).toEqual([0o600, 2, 5000])
})

test('a path that no system call takes is an error before anything follows it', async () => {
  for (const entry of [
    { path: `${'d/'.repeat(100_000)}f` },
    { path: 'l', type: 'hardlink', linkName: 'd/'.repeat(100_000) },
  ] as const) {
    await expect(unpack(setting(), [entry])).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  }
})

test('a name behind a link to itself is an error, not a hang', async () => {
  const at = setting()
  await expect(unpack(at, [{ path: 'l', type: 'symlink', linkName: 'l' }, { path: 'l/x' }])).rejects.toMatchObject({
    code: 'PATH_ESCAPES',
  })
})

test('a character device 0/0, which overlayfs would take for a removal, is an error', async () => {
  const at = setting()
  await expect(unpack(at, [{ path: 'null', type: 'character-device' }])).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
  })
})

test('devices and named pipes keep their numbers and their modes', async () => {
  const at = setting()
  await unpack(at, [
    { path: 'null', type: 'character-device', deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
    { path: 'disk', type: 'block-device', deviceMajor: 8, deviceMinor: 300, mode: 0o660 },
    { path: 'pipe', type: 'fifo', mode: 0o622 },
  ])
  const lines = ['null', 'disk', 'pipe'].map((name) =>
    execFileSync('stat', ['-c', '%F %t:%T %a', join(at.upper, name)], { encoding: 'utf8' }).trim(),
  )
  expect(lines).toEqual(['character special file 1:3 666', 'block special file 8:12c 660', 'fifo 0:0 622'])
})

test('set-id bits outlive the change of owner', async () => {
  const at = setting()
  await unpack(at, [{ path: 'su', mode: 0o4755, uid: 7, gid: 8 }])
  const { mode, uid, gid } = lstatSync(join(at.upper, 'su'))
  expect([mode & 0o7777, uid, gid]).toEqual([0o4755, 7, 8])
})

test('a time before 1970 is kept', async () => {
  const at = setting()
  await unpack(at, [{ path: 'old', mtimeSeconds: -86_400 }])
  expect(lstatSync(join(at.upper, 'old')).mtimeMs).toBe(-86_400_000)
})

test('a directory keeps its time, though files come into it later', async () => {
  const at = setting()
  await unpack(at, [{ path: 'd', type: 'directory', mtimeSeconds: 1000 }, { path: 'd/x' }])
  expect(lstatSync(join(at.upper, 'd')).mtimeMs).toBe(1_000_000)
})

test('of two entries of one name the later counts', async () => {
  const at = setting()
  await unpack(at, [
    { path: 'a', content: 'first' },
    { path: 'a', content: 'second', mode: 0o600 },
  ])
  expect(readFileSync(join(at.upper, 'a'), 'utf8')).toBe('second')
})

test('a later entry of a directory changes its attributes, not what it holds', async () => {
  const at = setting()
  await unpack(at, [{ path: 'd/x' }, { path: 'd', type: 'directory', mode: 0o700 }])
  expect(lstatSync(join(at.upper, 'd')).mode & 0o7777).toBe(0o700)
  expect(found(at.upper)).toEqual(['d d', 'f d/x'])
})

test('a directory becomes a file, and a directory again, without what it held', async () => {
  const at = setting()
  await unpack(at, [
    { path: 'd', type: 'directory', mtimeSeconds: 5 },
    { path: 'd/sub/x' },
    { path: 'd' },
    { path: 'd', type: 'directory' },
    { path: 'd/y' },
  ])
  expect(found(at.upper)).toEqual(['d d', 'f d/y'])
})

test('a directory that took the place of a file does not show what lower layers have of it', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd'))
  writeFileSync(join(at.lower, 'd/old'), '')
  await unpack(at, [{ path: 'd' }, { path: 'd', type: 'directory' }, { path: 'd/new' }])
  expect(seen(at, 'd')).toEqual(['new'])
})

test('a directory takes the place of a lower layer’s file', async () => {
  const at = setting()
  writeFileSync(join(at.lower, 'd'), '')
  await unpack(at, [{ path: 'd', type: 'directory' }, { path: 'd/x' }])
  expect(seen(at, 'd')).toEqual(['x'])
})

test('a directory takes the place of a lower layer’s link, and nothing is written through that', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'usr'))
  symlinkSync('usr', join(at.lower, 'd'))
  await unpack(at, [{ path: 'd', type: 'directory' }, { path: 'd/x' }])
  expect(found(at.upper)).toEqual(['d d', 'f d/x'])
})

test('a file in a directory without an entry goes through a lower layer’s link', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'usr/lib'), { recursive: true })
  symlinkSync('usr/lib', join(at.lower, 'lib'))
  await unpack(at, [{ path: 'lib/x' }])
  expect(found(at.upper)).toEqual(['d usr', 'd usr/lib', 'f usr/lib/x'])
})

test('directories that have no entry are told, from the top down', async () => {
  const result = await unpack(setting(), [
    { path: 'a/b/c/x' },
    { path: 'a/b', type: 'directory' },
    { path: 'd', type: 'directory' },
    { path: 'd/y' },
  ])
  expect(result.impliedDirectories).toEqual(['a', 'a/b/c'])
})

test('a directory whose parent is a file of the archive takes its place', async () => {
  const at = setting()
  await unpack(at, [{ path: 'a' }, { path: 'a/b/x' }])
  expect(found(at.upper)).toEqual(['d a', 'd a/b', 'f a/b/x'])
})

test('a whiteout hides what is below and leaves what the archive itself has', async () => {
  const at = setting()
  for (const name of ['gone', 'd']) mkdirSync(join(at.lower, name))
  writeFileSync(join(at.lower, 'd/old'), '')
  await unpack(at, [{ path: 'd/new' }, { path: '.wh.d' }, { path: '.wh.gone' }])
  expect(seen(at)).toEqual(['d'])
  expect(seen(at, 'd')).toEqual(['new'])
})

test('an entry behind a whiteout of its name is new', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd'))
  writeFileSync(join(at.lower, 'd/old'), '')
  await unpack(at, [{ path: '.wh.d' }, { path: 'd', type: 'directory' }, { path: 'd/new' }])
  expect(seen(at, 'd')).toEqual(['new'])
})

test('an opaque mark hides what is below, wherever it stands among its siblings', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd/sub'), { recursive: true })
  for (const name of ['d/old', 'd/sub/old']) writeFileSync(join(at.lower, name), '')
  await unpack(at, [{ path: 'd/a' }, { path: 'd/.wh..wh..opq' }, { path: 'd/z' }])
  expect(seen(at, 'd')).toEqual(['a', 'z'])
})

test('whiteouts of nothing, of "." and of ".." take nothing away', async () => {
  const at = setting()
  writeFileSync(join(at.lower, 'a'), '')
  await unpack(at, [{ path: 'd/.wh.' }, { path: 'd/.wh..' }, { path: 'd/.wh...' }])
  expect(seen(at)).toEqual(['a', 'd'])
})

test('kept whiteouts are files like others', async () => {
  const at = setting()
  await unpack(at, [{ path: '.wh.a', content: 'x' }], { whiteouts: 'keep' })
  expect(found(at.upper)).toEqual(['f .wh.a'])
})

test('attributes of the kernel’s and of overlayfs are left behind, the file’s own are kept', async () => {
  const at = setting()
  const text = (value: string): Uint8Array => Buffer.from(value)
  await unpack(at, [
    {
      path: 'a',
      xattrs: new Map([
        ['user.mine', text('kept')],
        ['user.overlay.opaque', text('y')],
        ['trusted.overlay.opaque', text('y')],
        ['security.selinux', text('label')],
      ]),
    },
  ])
  const listed = execFileSync('getfattr', ['-d', '-m', '-', '--absolute-names', join(at.upper, 'a')], {
    encoding: 'utf8',
  })
  expect(listed.split('\n').filter((line) => line.includes('='))).toEqual(['user.mine="kept"'])
})

test('the archive’s own root changes the tree’s root', async () => {
  const at = setting()
  await unpack(at, [{ path: '', type: 'directory', mode: 0o700, uid: 5 }])
  const { mode, uid } = lstatSync(at.upper)
  expect([mode & 0o7777, uid]).toEqual([0o700, 5])
})

test('the archive’s own root does not change a directory that it is unpacked into', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'app'), { mode: 0o755 })
  await unpack(at, [{ path: '', type: 'directory', mode: 0o700 }, { path: 'x' }], { into: 'app', whiteouts: 'keep' })
  expect(lstatSync(join(at.upper, 'app')).mode & 0o7777).toBe(0o755)
})

test('an owner that was asked for is everything’s', async () => {
  const at = setting()
  await unpack(
    at,
    [
      { path: 'd', type: 'directory', uid: 1 },
      { path: 'd/x', uid: 2, gid: 3 },
    ],
    {
      owner: { uid: 10, gid: 20 },
    },
  )
  const owners = ['d', 'd/x'].map((path) => lstatSync(join(at.upper, path))).map(({ uid, gid }) => [uid, gid])
  expect(owners).toEqual([
    [10, 20],
    [10, 20],
  ])
})

test('inside a directory, absolute links start at that directory', async () => {
  const at = setting()
  await unpack(at, [{ path: 'l', type: 'symlink', linkName: '/sub' }, { path: 'l/x' }], { into: 'app' })
  expect(found(at.upper)).toEqual(['d app', 'd app/sub', 'f app/sub/x', 'l app/l'])
})

test('no pair of links leads out of the directory that is unpacked into', async () => {
  const at = setting()
  await unpack(
    at,
    [
      { path: 'l', type: 'symlink', linkName: '/etc' },
      { path: 'etc', type: 'symlink', linkName: '/../../var' },
      { path: 'l/x' },
    ],
    { into: 'app' },
  )
  expect(found(at.upper).filter((line) => !/^. app(\/|$)/.test(line))).toEqual([])
})

test('a file that is too large to be gathered is written as it comes', async () => {
  const at = setting()
  const content = 'x'.repeat(3 * 1024 * 1024 + 1)
  await unpack(at, [{ path: 'big', content, mode: 0o600 }])
  expect(readFileSync(join(at.upper, 'big'), 'utf8') === content).toBe(true)
})
