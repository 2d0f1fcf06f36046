import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { setFileTimes, setXattr } from '../linux/index.ts'
import { isWhiteout, LayeredTree } from '../tree/layered-tree.ts'
import { LayerFolder } from './layer-folder.ts'
import type { Attributes } from './layer-writer.ts'

interface Setting {
  readonly lower: string
  readonly upper: string
  readonly layer: LayerFolder
  /** The layers together, read afresh. */
  seen(directory: string): readonly string[]
}

/** @param paths files of the lower layer; those that end with `/` are directories. */
function setting(...paths: readonly string[]): Setting {
  const root = temporaryFolder()
  const [lower, upper] = [join(root, 'lower'), join(root, 'upper')]
  mkdirSync(upper)
  mkdirSync(lower)
  for (const path of paths) {
    mkdirSync(join(lower, path, path.endsWith('/') ? '.' : '..'), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(lower, path), `content of ${path}`)
  }
  return {
    lower,
    upper,
    layer: new LayerFolder(upper, [lower], 9_000_000_000n),
    seen: (directory) => new LayeredTree([lower, upper]).readDirectory(directory),
  }
}

const plain: Attributes = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_000_000_001n }

test('a directory of a lower layer is carried up with all that belongs to it', () => {
  const { lower, upper, layer } = setting('d/x')
  const below = join(lower, 'd')
  chmodSync(below, 0o1770)
  chownSync(below, 12, 34)
  setXattr(below, 'user.mine', Buffer.from('yes'))
  setFileTimes(below, 5_000_000_006n)
  layer.ensureDirectory('d')
  layer.writeFile('d/y', '', plain)
  layer.close()
  const stat = (path: string): string =>
    execFileSync('sh', ['-c', 'stat -c "%a %u:%g %.9Y" . && getfattr -d .'], { cwd: path, encoding: 'utf8' })
  expect(stat(join(upper, 'd'))).toBe(stat(below))
})

test('directories that are made are root’s, 0755, and of the time that was given', () => {
  const { upper, layer } = setting()
  layer.ensureDirectory('a/b')
  layer.close()
  const { mode, uid, mtimeMs } = lstatSync(join(upper, 'a'))
  expect([mode & 0o7777, uid, mtimeMs]).toEqual([0o755, 0, 9000])
})

test('a file in the way of a directory is a conflict', () => {
  const { layer } = setting('f')
  expect(() => layer.ensureDirectory('f/d')).toThrow('Cannot make directory "/f": a file of that name is there')
})

test('a link in the way of a directory is a conflict, and is not followed', () => {
  const { lower, layer } = setting('real/')
  symlinkSync('real', join(lower, 'l'))
  expect(() => layer.ensureDirectory('l/d')).toThrow('Cannot make directory "/l"')
})

test('a layer goes on where a folder was left', () => {
  const { upper, layer } = setting()
  mkdirSync(join(upper, 'd/e'), { recursive: true })
  layer.ensureDirectory('d/e/f')
  expect(readdirSync(join(upper, 'd/e'))).toEqual(['f'])
})

test('a file takes the place of a directory that the layer has made', () => {
  const { upper, layer } = setting()
  layer.ensureDirectory('d/e')
  layer.writeFile('d', 'file', plain)
  layer.close()
  expect(readFileSync(join(upper, 'd'), 'utf8')).toBe('file')
  expect(lstatSync(join(upper, 'd'), { bigint: true }).mtimeNs).toBe(plain.mtimeNs)
})

test('a directory can be made again where a file took its place', () => {
  const { upper, layer } = setting()
  layer.ensureDirectory('d/e')
  layer.writeFile('d', 'file', plain)
  layer.remove('d')
  layer.ensureDirectory('d/e')
  layer.close()
  expect(readdirSync(join(upper, 'd'))).toEqual(['e'])
})

test('a file over a lower directory hides all that it holds', () => {
  const { layer } = setting('d/x')
  expect(layer.tree.lstat('d/x')?.type).toBe('file')
  layer.writeFile('d', '', plain)
  expect(layer.tree.lstat('d/x')).toBeUndefined()
})

test('what is removed is hidden, though a lower layer has it', () => {
  const at = setting('d/x', 'd/y')
  at.layer.remove('d/x')
  expect([at.layer.tree.readDirectory('d'), at.seen('d')]).toEqual([['y'], ['y']])
})

test('a directory in the place of what was removed is empty', () => {
  const at = setting('d/x')
  at.layer.remove('d')
  at.layer.ensureDirectory('d')
  expect(at.seen('d')).toEqual([])
})

test('a whiteout of a directory that the layer holds hides just what is below', () => {
  const at = setting('d/old')
  at.layer.writeFile('d/new', '', plain)
  at.layer.whiteOut('d')
  expect(at.seen('d')).toEqual(['new'])
})

test('a whiteout of a file that the layer holds leaves that file', () => {
  const at = setting('a')
  at.layer.writeFile('a', 'mine', plain)
  at.layer.whiteOut('a')
  expect(readFileSync(join(at.upper, 'a'), 'utf8')).toBe('mine')
})

test('a whiteout in a directory that only lower layers have carries it up', () => {
  const at = setting('d/a', 'd/b')
  at.layer.whiteOut('d/a')
  expect(isWhiteout(join(at.upper, 'd/a'))).toBe(true)
  expect(at.seen('d')).toEqual(['b'])
})

test('a file in the place of a whiteout is there', () => {
  const at = setting('a')
  at.layer.whiteOut('a')
  at.layer.writeFile('a', 'again', plain)
  expect(at.seen('')).toEqual(['a'])
})

test('nothing is ever written to a lower layer', () => {
  const at = setting('d/a', 'd/b', 'e/c')
  const listing = (): string => execFileSync('find', ['.', '-ls'], { cwd: at.lower, encoding: 'utf8' })
  const before = listing()
  at.layer.writeFile('d/a', 'new', plain)
  at.layer.link('d/c', 'd/b')
  at.layer.remove('e')
  at.layer.close()
  expect(listing().replace(/^\s+/gm, '')).toBe(before.replace(/^\s+/gm, ''))
})

test('a further name of a lower layer’s file shares the copy of it', () => {
  const at = setting('d/b')
  at.layer.link('c', 'd/b')
  expect(statSync(join(at.upper, 'c')).ino).toBe(statSync(join(at.upper, 'd/b')).ino)
})

test('times are kept to the nanosecond', () => {
  const { upper, layer } = setting()
  layer.writeFile('a', '', plain)
  expect(lstatSync(join(upper, 'a'), { bigint: true }).mtimeNs).toBe(1_000_000_001n)
})

test('a link’s own owner and time are set, not those of what it leads to', () => {
  const { upper, layer } = setting()
  layer.writeFile('a', '', plain)
  layer.symlink('l', 'a', { ...plain, uid: 5, gid: 6, mtimeNs: 7_000_000_000n })
  expect([statSync(join(upper, 'a')).uid, lstatSync(join(upper, 'l')).uid]).toEqual([0, 5])
})

test('a copy is a file of its own', () => {
  const { lower, upper, layer } = setting('a')
  layer.copyFile('b', join(lower, 'a'), plain, { sizeBytes: 1 })
  writeFileSync(join(upper, 'b'), 'other')
  expect(readFileSync(join(lower, 'a'), 'utf8')).toBe('content of a')
})

test('a file that could not be copied leaves no layer that looks whole', () => {
  const { upper, layer } = setting()
  expect(() => layer.copyFile('a', '/nonexistent/stave', plain, { sizeBytes: 1 })).toThrow('ENOENT')
  expect(existsSync(join(upper, 'a'))).toBe(false)
})
