import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { selectSources, walkSelected, type Selection } from './select-sources.ts'

function treeWith(...paths: readonly string[]): { readonly root: string; readonly tree: LayeredTree } {
  const root = temporaryFolder()
  for (const path of paths) {
    mkdirSync(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), '')
  }
  return { root, tree: new LayeredTree([root]) }
}

function selection(sources: readonly string[], options: Partial<Selection> = {}): Selection {
  return { sources, wildcards: true, excludes: [], parents: false, ...options }
}

function selected(tree: LayeredTree, sources: readonly string[], options: Partial<Selection> = {}): readonly string[] {
  return selectSources(tree, selection(sources, options)).map(({ asked }) => asked)
}

function walked(tree: LayeredTree, source: string, excludes: readonly string[]): readonly string[] {
  const [found] = selectSources(tree, selection([source]))
  return found === undefined ? [] : [...walkSelected(tree, found, excludes)].map(({ relativePath }) => relativePath)
}

test('sources stand in the order of the Dockerfile, matches of one pattern sorted', () => {
  const { tree } = treeWith('b', 'a.txt', 'c.txt', 'B.txt')
  expect(selected(tree, ['b', '*.txt'])).toEqual(['b', 'B.txt', 'a.txt', 'c.txt'])
})

test('a pattern matches in each component', () => {
  const { tree } = treeWith('a/x/1', 'a/y/1', 'b/x/2', 'c/x/1')
  expect(selected(tree, ['[ab]/?/1'])).toEqual(['a/x/1', 'a/y/1'])
})

test('names that begin with a dot match as others do, unlike in a shell', () => {
  expect(selected(treeWith('.env', 'a').tree, ['*'])).toEqual(['.env', 'a'])
})

test('a name without wildcards that is not there is an error', () => {
  expect(() => selected(treeWith('a').tree, ['b'])).toThrow(expect.objectContaining({ code: 'COPY_SOURCE_MISSING' }))
})

test('a malformed pattern is an error, not the whole tree', () => {
  for (const pattern of ['[a', 'a/[', 'b\\']) {
    expect(() => selected(treeWith('a').tree, [pattern])).toThrow(
      expect.objectContaining({ code: 'INSTRUCTION_INVALID' }),
    )
  }
})

test('where wildcards mean nothing, every character is itself', () => {
  expect(selected(treeWith('[a', '*').tree, ['[a', '*'], { wildcards: false })).toEqual(['[a', '*'])
})

test('a wildcard goes through a link to a directory, and stays inside the tree', () => {
  const { root, tree } = treeWith('etc/mine')
  symlinkSync('/etc', join(root, 'link'))
  expect(selectSources(tree, selection(['link/*'])).map(({ path }) => path)).toEqual(['etc/mine'])
})

test('a match that is a link to nothing is passed over', () => {
  const { root, tree } = treeWith('a')
  symlinkSync('nowhere', join(root, 'b'))
  expect(selected(tree, ['*'])).toEqual(['a'])
})

test('two stars of --parents match any number of directories, and none', () => {
  const { tree } = treeWith('x.md', 'a/x.md', 'a/b/x.md', 'a/b/y')
  expect(selected(tree, ['**/*.md'], { parents: true })).toEqual(['a/b/x.md', 'a/x.md', 'x.md'])
})

test('two stars of --parents at the end match all that is there, files of the root too', () => {
  expect(selected(treeWith('x', 'a/b/y').tree, ['**'], { parents: true })).toEqual(['a', 'x'])
})

test('without --parents two stars are one', () => {
  expect(selected(treeWith('x', 'a/b/y').tree, ['**/y'])).toEqual([])
})

test('two stars do not follow a link to a directory above, which would never end', () => {
  const { root, tree } = treeWith('a/x')
  symlinkSync('..', join(root, 'a/up'))
  expect(selected(tree, ['**/x'], { parents: true })).toEqual(['a/x'])
})

test('a directory comes before what it holds, names in order', () => {
  expect(walked(treeWith('d/b/2', 'd/b/1', 'd/a').tree, 'd', [])).toEqual(['', 'a', 'b', 'b/1', 'b/2'])
})

test('an exception below an excluded directory brings the directories on the way', () => {
  const { tree } = treeWith('d/a/b/keep', 'd/a/b/drop', 'd/a/c')
  expect(walked(tree, 'd', ['a', '!a/b/keep'])).toEqual(['', 'a', 'a/b', 'a/b/keep'])
})

test('a file that is named can be excluded itself', () => {
  expect(walked(treeWith('d/a.log').tree, 'd/a.log', ['*.log'])).toEqual([])
})
