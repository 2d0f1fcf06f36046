import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { CopyAction } from '../../core/ops.ts'
import { copyAction } from '../../test/support/copy-action.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { copyInto, type FixedOwner } from './copy.ts'
import { LayerFolder } from './layer-folder.ts'

interface Setting {
  /** The build context. */
  readonly context: string
  /** The layer below. */
  readonly lower: string
  /** Where the copy lands. */
  readonly upper: string
}

function setting(context: readonly string[] = [], lower: readonly string[] = []): Setting {
  const root = temporaryFolder()
  const folders = { context: join(root, 'context'), lower: join(root, 'lower'), upper: join(root, 'upper') }
  for (const folder of Object.values(folders)) mkdirSync(folder)
  const fill = (folder: string, paths: readonly string[]): void => {
    for (const path of paths) {
      mkdirSync(join(folder, path.endsWith('/') ? path : dirname(path)), { recursive: true })
      if (!path.endsWith('/')) writeFileSync(join(folder, path), `content of ${path}`)
    }
  }
  fill(folders.context, context)
  fill(folders.lower, lower)
  return folders
}

type Options = Partial<CopyAction> & {
  readonly ignore?: readonly string[]
  readonly from?: number
  readonly owned?: FixedOwner
}

async function copy(
  at: Setting,
  sources: readonly string[],
  destination: string,
  options: Options = {},
): Promise<void> {
  const { ignore = [], owned = { uid: 0, gid: 0 }, ...rest } = options
  const layer = new LayerFolder(at.upper, [at.lower], 1_000_000_000n)
  const action = copyAction({ sources, destination, ...rest })
  await copyInto(layer, new ContextTree(at.context, ignore), action, owned, () => Promise.resolve(false))
  layer.close()
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o7777).toString(8)
}

test('C1: a source that climbs stays inside the context', async () => {
  const at = setting(['a'])
  await copy(at, ['../../a'], '/')
  expect(filesIn(at.upper)).toEqual(['a'])
})

test('C4: of a directory the contents are copied, not the directory', async () => {
  const at = setting(['d/x', 'd/e/y'])
  await copy(at, ['d'], '/to')
  expect(filesIn(at.upper)).toEqual(['to', 'to/e', 'to/e/y', 'to/x'])
})

test('C5: a file goes into an existing directory, though no slash says so', async () => {
  const at = setting(['a'], ['dest/'])
  await copy(at, ['a'], '/dest')
  expect(filesIn(at.upper)).toEqual(['dest', 'dest/a'])
})

test('C6: a missing destination is the name of the file, and its parents are made', async () => {
  const at = setting(['a'])
  await copy(at, ['a'], '/new/name')
  expect(readFileSync(join(at.upper, 'new/name'), 'utf8')).toBe('content of a')
})

test('C7: a wildcard matches within one path component', async () => {
  const at = setting(['a.txt', 'b.txt', 'd/c.txt'])
  await copy(at, ['*.txt'], '/to/')
  expect(filesIn(at.upper)).toEqual(['to', 'to/a.txt', 'to/b.txt'])
})

test('C8: a wildcard without a match copies nothing, and makes no directory', async () => {
  const at = setting(['a'])
  await copy(at, ['*.none'], '/to/')
  expect(filesIn(at.upper)).toEqual([])
})

test('C9: a name with wildcard characters is found when they are escaped', async () => {
  const at = setting(['[x', 'ax'])
  await copy(at, ['[[]x'], '/to/')
  expect(filesIn(at.upper)).toEqual(['to', 'to/[x'])
})

test('C10: a source that is a link is followed; a link below a copied directory stays one', async () => {
  const at = setting(['real', 'd/x'])
  symlinkSync('real', join(at.context, 'link'))
  symlinkSync('nowhere', join(at.context, 'd/dangling'))
  await copy(at, ['link', 'd'], '/to/')
  expect(lstatSync(join(at.upper, 'to/link')).isFile()).toBe(true)
  expect(readlinkSync(join(at.upper, 'to/dangling'))).toBe('nowhere')
})

test('C10: a source link that leads out of the context finds nothing there', async () => {
  const at = setting(['a'])
  symlinkSync('/etc/passwd', join(at.context, 'link'))
  await expect(copy(at, ['link'], '/to')).rejects.toMatchObject({ code: 'COPY_SOURCE_MISSING' })
})

test('C11: a link on the way to the destination is followed inside the tree, and the layer holds the real path', async () => {
  const at = setting(['a'], ['usr/lib/'])
  symlinkSync('usr/lib', join(at.lower, 'lib'))
  await copy(at, ['a'], '/lib/')
  expect(filesIn(at.upper)).toEqual(['usr', 'usr/lib', 'usr/lib/a'])
})

test('a destination link to the host leads into the tree', async () => {
  const at = setting(['a'])
  symlinkSync('/etc', join(at.lower, 'out'))
  await copy(at, ['a'], '/out/')
  expect(filesIn(at.upper)).toEqual(['etc', 'etc/a'])
})

test('C12: a directory onto a link to a directory is an error', async () => {
  const at = setting(['d/sub/x'], ['real/'])
  symlinkSync('real', join(at.lower, 'sub'))
  await expect(copy(at, ['d'], '/')).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('C13: a destination that is a link to a file is written through', async () => {
  const at = setting(['a'], ['real'])
  symlinkSync('real', join(at.lower, 'link'))
  await copy(at, ['a'], '/link')
  expect(filesIn(at.upper)).toEqual(['real'])
})

test('C14: a file over a directory is an error', async () => {
  const at = setting(['d/x'], ['to/x/'])
  await expect(copy(at, ['d'], '/to')).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('C14: a destination that ends with a slash must not be a file', async () => {
  const at = setting(['a'], ['to'])
  await expect(copy(at, ['a'], '/to/')).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('C15: a new destination is 0755 whatever the mode of the source; directories inside keep theirs', async () => {
  const at = setting(['d/e/x'])
  chmodSync(join(at.context, 'd'), 0o700)
  chmodSync(join(at.context, 'd/e'), 0o750)
  await copy(at, ['d'], '/to')
  expect([modeOf(join(at.upper, 'to')), modeOf(join(at.upper, 'to/e'))]).toEqual(['755', '750'])
})

test('C15: an existing destination keeps its mode and its owner', async () => {
  const at = setting(['d/x'], ['to/'])
  chmodSync(join(at.lower, 'to'), 0o1777)
  execFileSync('chown', ['12:34', join(at.lower, 'to')])
  await copy(at, ['d'], '/to')
  const { uid, gid } = statSync(join(at.upper, 'to'))
  expect({ mode: modeOf(join(at.upper, 'to')), uid, gid }).toEqual({ mode: '1777', uid: 12, gid: 34 })
})

test('C16: parents that are made get the owner, and can be entered whatever --chmod says', async () => {
  const at = setting(['a'])
  await copy(at, ['a'], '/p/q/a', { mode: { kind: 'octal', mode: 0o640 }, owned: { uid: 7, gid: 8 } })
  const { uid, gid } = statSync(join(at.upper, 'p/q'))
  expect({ parent: modeOf(join(at.upper, 'p')), file: modeOf(join(at.upper, 'p/q/a')), uid, gid }).toEqual({
    parent: '755',
    file: '640',
    uid: 7,
    gid: 8,
  })
})

test('C17: files of a stage keep their owner', async () => {
  const at = setting([], ['x'])
  execFileSync('chown', ['12:34', join(at.lower, 'x')])
  const other = setting()
  const layer = new LayerFolder(other.upper, [other.lower], 0n)
  await copyInto(layer, new LayeredTree([at.lower]), copyAction({ sources: ['x'], destination: '/x' }), undefined, () =>
    Promise.resolve(false),
  )
  const { uid, gid } = statSync(join(other.upper, 'x'))
  expect({ uid, gid }).toEqual({ uid: 12, gid: 34 })
})

test('C21: --parents keeps the path of the source, from the pivot on', async () => {
  const at = setting(['a/b/c', 'a/b/d/e'])
  await copy(at, ['a/./b/c'], '/to/', { parents: true })
  expect(filesIn(at.upper)).toEqual(['to', 'to/b', 'to/b/c'])
})

test('C22: --exclude leaves out what matches, with all below it', async () => {
  const at = setting(['d/a', 'd/skip/x', 'd/keep/skip'])
  await copy(at, ['d'], '/to', { excludes: ['skip'] })
  expect(filesIn(at.upper)).toEqual(['to', 'to/a', 'to/keep', 'to/keep/skip'])
})

test('C24: hard links within one copied directory stay links', async () => {
  const at = setting(['d/a'])
  linkSync(join(at.context, 'd/a'), join(at.context, 'd/b'))
  await copy(at, ['d'], '/to')
  expect(statSync(join(at.upper, 'to/a')).ino).toBe(statSync(join(at.upper, 'to/b')).ino)
})

test('C24: files named one by one become separate files', async () => {
  const at = setting(['d/a'])
  linkSync(join(at.context, 'd/a'), join(at.context, 'd/b'))
  await copy(at, ['d/a', 'd/b'], '/to/')
  expect(statSync(join(at.upper, 'to/a')).ino).not.toBe(statSync(join(at.upper, 'to/b')).ino)
})

test('C25: attributes that a user set on files of the context do not come along', async () => {
  const at = setting(['a'])
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'x', join(at.context, 'a')])
  await copy(at, ['a'], '/a')
  const attributes = execFileSync('getfattr', ['-d', '-m', '^user\\.', join(at.upper, 'a')], { encoding: 'utf8' })
  expect(attributes).not.toContain('user.note')
})

test('C26: a named pipe arrives as one, a socket as an empty file', async () => {
  const at = setting(['d/'])
  execFileSync('mkfifo', [join(at.context, 'd/pipe')])
  execFileSync('python3', [
    '-c',
    'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
    join(at.context, 'd/socket'),
  ])
  await copy(at, ['d'], '/to')
  expect(lstatSync(join(at.upper, 'to/pipe')).isFIFO()).toBe(true)
  const socket = lstatSync(join(at.upper, 'to/socket'))
  expect([socket.isFile(), socket.size]).toEqual([true, 0])
})

test('C27: the time of modification is the source’s', async () => {
  const at = setting(['a'])
  utimesSync(join(at.context, 'a'), 1234567890, 1234567890)
  await copy(at, ['a'], '/a')
  expect(lstatSync(join(at.upper, 'a')).mtimeMs).toBe(1234567890000)
})

test('C29: setuid and sticky bits are kept', async () => {
  const at = setting(['d/a'])
  chmodSync(join(at.context, 'd/a'), 0o4755)
  await copy(at, ['d'], '/to')
  expect(modeOf(join(at.upper, 'to/a'))).toBe('4755')
})

test('C30: the holes of a sparse file are zeros in its copy', async () => {
  const at = setting()
  execFileSync('truncate', ['-s', '3M', join(at.context, 'sparse')])
  await copy(at, ['sparse'], '/sparse')
  expect(readFileSync(join(at.upper, 'sparse')).equals(Buffer.alloc(3 * 1024 * 1024))).toBe(true)
})

test('what .dockerignore leaves out is not copied, and a name that it hides says so', async () => {
  const at = setting(['d/a', 'd/b'])
  await copy(at, ['d'], '/to', { ignore: ['d/b'] })
  expect(filesIn(at.upper)).toEqual(['to', 'to/a'])
  await expect(copy(at, ['d/b'], '/b', { ignore: ['d/b'] })).rejects.toMatchObject({
    code: 'COPY_SOURCE_MISSING',
    hint: expect.stringContaining('.dockerignore') as unknown,
  })
})

test('a missing source names what is alike', async () => {
  const at = setting(['out/dist/app.js'])
  await expect(copy(at, ['dist'], '/srv')).rejects.toMatchObject({
    hint: expect.stringContaining('"out/dist"') as unknown,
  })
})

test('several sources to one file name are an error, not a silent overwrite', async () => {
  const at = setting(['a', 'b'])
  await expect(copy(at, ['a', 'b'], '/to')).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('a name of a file that another source has overwritten is not linked to what is there now', async () => {
  const at = setting(['one/f', 'two/f'])
  linkSync(join(at.context, 'one/f'), join(at.context, 'two/h'))
  await copy(at, ['one', 'two'], '/to')
  const read = (name: string): string => readFileSync(join(at.upper, 'to', name), 'utf8')
  expect([read('f'), read('h')]).toEqual(['content of two/f', 'content of one/f'])
})

test('a malformed pattern is an error, not a copy of everything', async () => {
  const at = setting(['a'])
  await expect(copy(at, ['[a'], '/to/')).rejects.toMatchObject({ code: 'INSTRUCTION_INVALID' })
})

test('C4: several directories are merged, though no slash says that the destination is one', async () => {
  const at = setting(['one/a', 'two/b', 'c'])
  await copy(at, ['one', 'two', 'c'], '/to')
  expect(filesIn(at.upper)).toEqual(['to', 'to/a', 'to/b', 'to/c'])
})
