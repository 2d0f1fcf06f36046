import { chmodSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../core/digest.ts'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { setFileTimes } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { rebaseLayer } from './rebase-layer.ts'
import { unpackLayer } from './unpack-layer.ts'

interface Setting {
  readonly lower: string
  readonly unpacked: string
  readonly rebased: string
}

function setting(): Setting {
  const root = temporaryFolder()
  const at = { lower: join(root, 'lower'), unpacked: join(root, 'unpacked'), rebased: join(root, 'rebased') }
  for (const folder of Object.values(at)) mkdirSync(folder)
  return at
}

/** Below, `lib` is a link to `usr/lib`, as in Debian since 2019. */
function mergedUsr(): Setting {
  const at = setting()
  mkdirSync(join(at.lower, 'usr/lib/sub'), { recursive: true })
  chmodSync(join(at.lower, 'usr/lib'), 0o775)
  chmodSync(join(at.lower, 'usr/lib/sub'), 0o2711)
  writeFileSync(join(at.lower, 'usr/lib/old'), '')
  symlinkSync('usr/lib', join(at.lower, 'lib'))
  return at
}

async function rebase(at: Setting, entries: readonly SampleEntry[]): Promise<LayeredTree> {
  const archive = archiveOf(entries)
  const blob = join(at.unpacked, '../blob')
  writeFileSync(blob, archive)
  const unpacked = await unpackLayer({ kind: 'blob', path: blob }, digestOf(archive), at.unpacked)
  rebaseLayer(at.unpacked, [at.lower], unpacked, at.rebased)
  return new LayeredTree([at.lower, at.rebased])
}

function modeIn(tree: LayeredTree, path: string): string | undefined {
  return tree.lstat(path)?.mode.toString(8)
}

test('a directory without an entry has the attributes of the one below', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd'))
  chmodSync(join(at.lower, 'd'), 0o1777)
  setFileTimes(join(at.lower, 'd'), 5_000_000_007n)
  const tree = await rebase(at, [{ path: 'd/x' }])
  expect([modeIn(tree, 'd'), tree.lstat('d')?.mtimeNs]).toEqual(['1777', 5_000_000_007n])
})

test('a directory with an entry has what that says', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd'))
  const tree = await rebase(at, [{ path: 'd', type: 'directory', mode: 0o711 }, { path: 'd/x' }])
  expect(modeIn(tree, 'd')).toBe('711')
})

test('files are shared with the unpacked layer, not copied', async () => {
  const at = setting()
  mkdirSync(join(at.lower, 'd'))
  await rebase(at, [{ path: 'd/x', content: 'x' }])
  expect(statSync(join(at.rebased, 'd/x')).ino).toBe(statSync(join(at.unpacked, 'd/x')).ino)
})

test('what is in a directory without an entry goes where the link below leads', async () => {
  const tree = await rebase(mergedUsr(), [{ path: 'lib/x' }])
  expect(tree.lstat('lib')?.type).toBe('symlink')
  expect(tree.readDirectory('usr/lib')).toEqual(['old', 'sub', 'x'])
})

test('it joins what the layer itself has there', async () => {
  const tree = await rebase(mergedUsr(), [
    { path: 'usr', type: 'directory' },
    { path: 'usr/lib/a' },
    { path: 'usr/lib/sub/b' },
    { path: 'lib/c' },
    { path: 'lib/sub/d' },
  ])
  expect([tree.readDirectory('usr/lib'), tree.readDirectory('usr/lib/sub')]).toEqual([
    ['a', 'c', 'old', 'sub'],
    ['b', 'd'],
  ])
})

test('directories behind the link have the attributes of those below, at every depth', async () => {
  const tree = await rebase(mergedUsr(), [{ path: 'lib/sub/x' }])
  expect([modeIn(tree, 'usr/lib'), modeIn(tree, 'usr/lib/sub')]).toEqual(['775', '2711'])
})

test('directories behind the link that the layer has entries for keep theirs', async () => {
  const tree = await rebase(mergedUsr(), [
    { path: 'usr/lib', type: 'directory', mode: 0o700, mtimeSeconds: 9 },
    { path: 'lib/x' },
  ])
  expect([modeIn(tree, 'usr/lib'), tree.lstat('usr/lib')?.mtimeNs]).toEqual(['700', 9_000_000_000n])
})

test('a removal behind the link removes where the link leads', async () => {
  const tree = await rebase(mergedUsr(), [{ path: 'lib/.wh.old' }])
  expect(tree.readDirectory('usr/lib')).toEqual(['sub'])
})

test('an opaque mark behind the link hides what is where the link leads', async () => {
  const tree = await rebase(mergedUsr(), [{ path: 'lib/.wh..wh..opq' }, { path: 'lib/x' }])
  expect(tree.readDirectory('usr/lib')).toEqual(['x'])
})

test('the layer’s own root keeps its attributes', async () => {
  const at = mergedUsr()
  await rebase(at, [{ path: '', type: 'directory', mode: 0o711, uid: 3 }, { path: 'lib/x' }])
  const { mode, uid } = lstatSync(at.rebased)
  expect([mode & 0o7777, uid]).toEqual([0o711, 3])
})

test('a link below that leads to the host leads into the tree', async () => {
  const at = setting()
  symlinkSync('/etc', join(at.lower, 'd'))
  mkdirSync(join(at.lower, 'etc'))
  const tree = await rebase(at, [{ path: 'd/x' }])
  expect(tree.readDirectory('etc')).toEqual(['x'])
})

test('the unpacked layer stays as it was', async () => {
  const at = mergedUsr()
  await rebase(at, [{ path: 'lib/x' }])
  expect(lstatSync(join(at.unpacked, 'lib/x')).isFile()).toBe(true)
})

describe('a hard link to a file of a lower layer', () => {
  const link: SampleEntry = { path: 'd/new', type: 'hardlink', linkName: 'old' }

  test('is a name of a copy of that file', async () => {
    const at = setting()
    writeFileSync(join(at.lower, 'old'), 'content', { mode: 0o640 })
    const tree = await rebase(at, [{ path: 'd', type: 'directory' }, link])
    expect(readFileSync(tree.hostPath('d/new'), 'utf8')).toBe('content')
    expect([modeIn(tree, 'd/new'), tree.lstat('d/new')?.fileId]).toEqual(['640', tree.lstat('old')?.fileId])
    expect(lstatSync(join(at.lower, 'old')).nlink).toBe(1)
  })

  test('may be followed by others to the same file', async () => {
    const at = setting()
    writeFileSync(join(at.lower, 'old'), 'content')
    const tree = await rebase(at, [link, { path: 'other', type: 'hardlink', linkName: 'd/new' }])
    expect(readFileSync(tree.hostPath('other'), 'utf8')).toBe('content')
  })

  test('does not follow a link that is there, out of the image or within it', async () => {
    const at = setting()
    symlinkSync('/etc/passwd', join(at.lower, 'old'))
    await expect(rebase(at, [link])).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
  })

  test('to nothing is refused', async () => {
    await expect(rebase(setting(), [link])).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: 'Cannot link "d/new" to "old": neither the layer nor one below it has such a file',
    })
  })
})
