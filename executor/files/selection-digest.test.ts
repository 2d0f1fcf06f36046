import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeNode, setXattr } from '../linux/index.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { hashFile } from './hash-file.ts'
import { digestSelection } from './selection-digest.ts'
import type { Selection } from './select-sources.ts'

/** Of a folder with these files; a path that ends with `/` is a directory. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder()
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), content)
  }
  return root
}

type Options = Partial<Selection> & { readonly of?: 'context' | 'layers' }

function digest(root: string, sources: readonly string[], { of = 'context', ...options }: Options = {}): string {
  const tree = of === 'context' ? new ContextTree(root, []) : new LayeredTree([root])
  const selection = { sources, wildcards: true, excludes: [], parents: false, ...options }
  return digestSelection(tree, selection, hashFile).digest
}

type Change = (root: string) => void

/** Whether a change to `d/a`, `d/link` or what is beside them changes the digest of `d`. */
function changes(change: Change, options: Options = {}): boolean {
  const root = folderWith({ 'd/a': 'content', 'd/e/': '', other: 'x' })
  symlinkSync('a', join(root, 'd/link'))
  const before = digest(root, ['d'], options)
  change(root)
  return digest(root, ['d'], options) !== before
}

const busting: Readonly<Record<string, Change>> = {
  content: (root) => writeFileSync(join(root, 'd/a'), 'CONTENT'),
  'the mode of a file': (root) => chmodSync(join(root, 'd/a'), 0o755),
  'the mode of a directory inside': (root) => chmodSync(join(root, 'd/e'), 0o700),
  'a new name': (root) => writeFileSync(join(root, 'd/b'), ''),
  'a new empty directory': (root) => mkdirSync(join(root, 'd/f')),
  'where a link leads': (root) => {
    rmSync(join(root, 'd/link'))
    symlinkSync('b', join(root, 'd/link'))
  },
  'a file in the place of a link with the same content': (root) => {
    rmSync(join(root, 'd/link'))
    writeFileSync(join(root, 'd/link'), 'content')
  },
  'a device': (root) => makeNode(join(root, 'd/null'), 'character-device', 1, 3),
}

for (const [what, change] of Object.entries(busting)) {
  test(`${what} changes the digest`, () => {
    expect(changes(change)).toBe(true)
  })
}

const harmless: Readonly<Record<string, Change>> = {
  'a time': (root) => utimesSync(join(root, 'd/a'), 1000, 1000),
  'an owner': (root) => chownSync(join(root, 'd/a'), 1000, 1000),
  'an attribute of the user’s': (root) => setXattr(join(root, 'd/a'), 'user.mine', Buffer.from('x')),
  'the mode of the directory that is named': (root) => chmodSync(join(root, 'd'), 0o700),
  'a file beside what is taken': (root) => writeFileSync(join(root, 'other'), 'y'),
  'another inode': (root) => {
    rmSync(join(root, 'd/a'))
    writeFileSync(join(root, 'd/a'), 'content')
  },
}

for (const [what, change] of Object.entries(harmless)) {
  test(`${what} in a context does not change the digest`, () => {
    expect(changes(change)).toBe(false)
  })
}

test('an owner in a stage changes the digest, since a copy keeps it', () => {
  expect(changes((root) => chownSync(join(root, 'd/a'), 1000, 1000), { of: 'layers' })).toBe(true)
})

test('an attribute in a stage changes the digest, since a copy keeps it', () => {
  const change: Change = (root) => setXattr(join(root, 'd/a'), 'user.mine', Buffer.from('x'))
  expect(changes(change, { of: 'layers' })).toBe(true)
})

test('a time in a stage does not change the digest', () => {
  expect(changes((root) => utimesSync(join(root, 'd/a'), 1000, 1000), { of: 'layers' })).toBe(false)
})

test('the numbers of a device change the digest', () => {
  const [one, other] = [3, 5].map((minor) => {
    const root = folderWith({ 'd/': '' })
    makeNode(join(root, 'd/device'), 'character-device', 1, minor)
    return digest(root, ['d'])
  })
  expect(one).not.toBe(other)
})

test('what is excluded does not change the digest', () => {
  const root = folderWith({ 'd/a': '1', 'd/skip': '2' })
  const before = digest(root, ['d'], { excludes: ['skip'] })
  writeFileSync(join(root, 'd/skip'), 'other')
  expect(digest(root, ['d'], { excludes: ['skip'] })).toBe(before)
})

test('a match that comes or goes changes the digest of a wildcard', () => {
  const root = folderWith({ 'a.txt': '' })
  const before = digest(root, ['*.txt'])
  writeFileSync(join(root, 'b.txt'), '')
  expect(digest(root, ['*.txt'])).not.toBe(before)
})

test('a wildcard with no match has a digest', () => {
  expect(digest(folderWith({}), ['*.none'])).toMatch(/^sha256:[0-9a-f]{64}$/)
})

test('names of one file and two equal files are the same to a key', () => {
  const linked = folderWith({ 'd/a': 'x' })
  linkSync(join(linked, 'd/a'), join(linked, 'd/b'))
  expect(digest(linked, ['d'])).toBe(digest(folderWith({ 'd/a': 'x', 'd/b': 'x' }), ['d']))
})

/** Pairs of trees that would be the same if names and contents were put together carelessly. */
const confusable: Readonly<
  Record<string, readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>]>
> = {
  'the end of one content and the beginning of the next': [
    { 'd/a': 'xy', 'd/b': 'z' },
    { 'd/a': 'x', 'd/b': 'yz' },
  ],
  'a name with a line break and two names': [{ 'd/a\nb': '' }, { 'd/a': '', 'd/b': '' }],
  'a name with a quote, and with its escape': [{ 'd/a"b': '' }, { 'd/a\\"b': '' }],
  'a directory and what it holds beside it': [{ 'd/a/b': '' }, { 'd/a/': '', 'd/b': '' }],
  'contents that change places': [
    { 'd/a': '1', 'd/b': '2' },
    { 'd/a': '2', 'd/b': '1' },
  ],
}

for (const [what, [one, other]] of Object.entries(confusable)) {
  test(`${what} are not confused`, () => {
    expect(digest(folderWith(one), ['d'])).not.toBe(digest(folderWith(other), ['d']))
  })
}

test('files that move from one source to the next are not confused', () => {
  const one = folderWith({ 'p/x/a': '', 'p/x/b': '', 'q/x/': '' })
  const other = folderWith({ 'p/x/a': '', 'q/x/b': '' })
  expect(digest(one, ['*/x'])).not.toBe(digest(other, ['*/x']))
})

test('with --parents the whole path counts', () => {
  const [one, other] = [folderWith({ 'a/x': '' }), folderWith({ 'b/x': '' })]
  expect(digest(one, ['*/x'], { parents: true })).not.toBe(digest(other, ['*/x'], { parents: true }))
})

test('an attribute cannot pass for another’s value', () => {
  const digests = [
    { name: 'user.a', value: 'b' },
    { name: 'user.a=62', value: '' },
  ].map(({ name, value }) => {
    const root = folderWith({ a: '' })
    setXattr(join(root, 'a'), name, Buffer.from(value))
    return digest(root, ['a'], { of: 'layers' })
  })
  expect(digests[0]).not.toBe(digests[1])
})

test('the ingredients are the files by their paths in the tree', () => {
  const root = folderWith({ 'd/e/a': '' })
  const selection = { sources: ['d'], wildcards: true, excludes: [], parents: false }
  const { ingredients } = digestSelection(new ContextTree(root, []), selection, hashFile)
  expect(ingredients.map(({ path }) => path)).toEqual(['d', 'd/e', 'd/e/a'])
})
