import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeNode } from '../linux/index.ts'
import { LayeredTree, setOpaque } from './layered-tree.ts'
import { resolvePath } from './resolve-path.ts'

/** Layer folders, lowest first; a path that ends with `/` is a directory, `null` a whiteout, `->x` a link to x. */
function layers(...contents: Readonly<Record<string, string | null>>[]): readonly string[] {
  const root = temporaryFolder()
  return contents.map((content, index) => {
    const folder = join(root, String(index))
    mkdirSync(folder)
    for (const [path, text] of Object.entries(content)) {
      mkdirSync(join(folder, path, path.endsWith('/') ? '.' : '..'), { recursive: true })
      if (path.endsWith('/')) continue
      if (text === null) makeNode(join(folder, path), 'character-device', 0, 0)
      else if (text.startsWith('->')) symlinkSync(text.slice(2), join(folder, path))
      else writeFileSync(join(folder, path), text)
    }
    return folder
  })
}

test('a directory shows the names of all layers', () => {
  const tree = new LayeredTree(layers({ 'd/a': '1' }, { 'd/b': '2' }))
  expect(tree.readDirectory('d')).toEqual(['a', 'b'])
})

test('the upper layer decides what a file is', () => {
  const tree = new LayeredTree(layers({ 'd/a': 'old' }, { 'd/a': 'newer' }))
  expect(tree.lstat('d/a')?.sizeBytes).toBe(5)
})

test('a whiteout hides the entry below it, and all that it holds', () => {
  const tree = new LayeredTree(layers({ 'd/a/x': '1' }, { 'd/a': null }))
  expect(tree.lstat('d/a')).toBeUndefined()
  expect(tree.lstat('d/a/x')).toBeUndefined()
  expect(tree.readDirectory('d')).toEqual([])
})

test('an opaque directory hides what lower layers have of it', () => {
  const folders = layers({ 'd/a': '1' }, { 'd/b': '2' }, { 'd/c': '3' })
  setOpaque(join(folders[1] ?? '', 'd'))
  expect(new LayeredTree(folders).readDirectory('d')).toEqual(['b', 'c'])
})

test('a file over a directory hides what the directory holds', () => {
  const tree = new LayeredTree(layers({ 'd/a': '1' }, { d: 'file' }))
  expect(tree.lstat('d')?.type).toBe('file')
  expect(tree.lstat('d/a')).toBeUndefined()
})

test('a directory over a file does not show lower layers of the same name', () => {
  const tree = new LayeredTree(layers({ 'd/a': '1' }, { d: 'file' }, { 'd/b': '2' }))
  expect(tree.readDirectory('d')).toEqual(['b'])
})

test('links are followed inside the tree, absolute ones from its root', () => {
  const tree = new LayeredTree(layers({ 'real/file': 'x', link: '->/real' }, { 'real/more': 'y' }))
  expect(resolvePath(tree, '/link/more').path).toBe('real/more')
})

test('a link that climbs ends at the root of the tree, never on the host', () => {
  const tree = new LayeredTree(layers({ link: '->../../../../etc' }))
  expect(resolvePath(tree, 'link/passwd')).toEqual({ path: 'etc/passwd', entry: undefined })
})

test('a link to itself is an error, not a hang', () => {
  const tree = new LayeredTree(layers({ loop: '->loop' }))
  expect(() => resolvePath(tree, 'loop')).toThrow('too many levels of symbolic links')
})
