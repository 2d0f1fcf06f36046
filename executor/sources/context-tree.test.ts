import { chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { joinTreePath } from '../tree/tree-reader.ts'
import { ContextTree } from './context-tree.ts'
import '../../test/support/fixed-seed.ts'

/** A path that ends with `/` is a directory. */
function folderWith(...paths: readonly string[]): string {
  const root = temporaryFolder()
  for (const path of paths) {
    mkdirSync(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), path)
  }
  return root
}

function shown(tree: ContextTree, directory = ''): readonly string[] {
  return tree.readDirectory(directory).flatMap((name) => {
    const path = joinTreePath(directory, name)
    return [path, ...shown(tree, path)]
  })
}

/** The rows of the reference, as they were observed; patterns are cleaned as the graph carries them. */
const cases: Readonly<
  Record<
    string,
    { readonly files: readonly string[]; readonly ignore: readonly string[]; readonly shown: readonly string[] }
  >
> = {
  'I3: a pattern is rooted at the context': { files: ['foo', 'a/foo'], ignore: ['foo'], shown: ['a', 'a/foo'] },
  'I4: a star stays within one name': { files: ['a/x.md', 'x.md'], ignore: ['*.md'], shown: ['a', 'a/x.md'] },
  'I4: two stars are any number of directories, none included': {
    files: ['x.md', 'a/x.md', 'a/b/x.md', 'a/b/y'],
    ignore: ['**/*.md'],
    shown: ['a', 'a/b', 'a/b/y'],
  },
  'I5: a directory that matches goes with all that is in it': { files: ['a/b/c', 'd'], ignore: ['a'], shown: ['d'] },
  'I6: below an ignored directory an exception is found, with the directories on the way': {
    files: ['a/b/foo', 'a/b/bar', 'a/c/foo'],
    ignore: ['a', '!a/b/foo'],
    shown: ['a', 'a/b', 'a/b/foo'],
  },
  'I6: an exception for what is not there shows no empty directory': {
    files: ['a/b/bar'],
    ignore: ['a', '!a/b/foo'],
    shown: [],
  },
  'I6: the last line that matches counts': { files: ['a', 'b'], ignore: ['*', '!a', 'a'], shown: [] },
  'I6: an exception for a directory shows all that it holds': {
    files: ['a/b/c/d', 'a/x'],
    ignore: ['*', '!a/b'],
    shown: ['a', 'a/b', 'a/b/c', 'a/b/c/d'],
  },
  'I8: a star excludes everything': { files: ['a', 'b/c'], ignore: ['*'], shown: [] },
  'I8: what is in a directory can be excluded without it': { files: ['a/b', 'a/c/d'], ignore: ['a/*'], shown: ['a'] },
}

for (const [name, { files, ignore, shown: expected }] of Object.entries(cases)) {
  test(name, () => {
    expect(shown(new ContextTree(folderWith(...files), ignore))).toEqual(expected)
  })
}

/** What lines of an ignore file leave of a tree, told as plainly as can be: each path is asked of each line, down from the root. */
function shownPlainly(files: readonly string[], lines: readonly string[]): readonly string[] {
  const rules = lines.map((line) => ({
    takes: line.startsWith('!'),
    expression: new RegExp(
      `^${line
        .replace('!', '')
        .replace(
          /\*\*\/|\*\*|[*?.]/g,
          (part) => ({ '**/': '(.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]', '.': '\\.' })[part] ?? '',
        )}$`,
    ),
  }))
  const isIgnored = (path: string): boolean => {
    let held = rules.map(() => false)
    let ignored = false
    for (const [index] of path.split('/').entries()) {
      const above = path.split('/', index + 1).join('/')
      ignored = false
      held = rules.map(({ takes, expression }, rule) => {
        const counts = held[rule] === true || (takes === ignored && expression.test(above))
        if (counts) ignored = !takes
        return counts
      })
    }
    return ignored
  }
  const kept = files.filter((file) => !isIgnored(file))
  const directories = new Set(files.flatMap(parents))
  const showing = [...directories].filter(
    (directory) =>
      !isIgnored(directory) || kept.some((file) => file.startsWith(`${directory}/`)) || hasShown(directory),
  )
  function hasShown(directory: string): boolean {
    return [...directories].some((other) => other.startsWith(`${directory}/`) && !isIgnored(other))
  }
  return [...kept, ...showing].sort()
}

function parents(path: string): readonly string[] {
  const names = path.split('/')
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'))
}

test('a walk shows what a plain reading of the lines shows, whatever the tree', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'c.md')
  const file = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
  const tree = fc
    .uniqueArray(file, { minLength: 1, maxLength: 8 })
    .map((files) => files.filter((path) => !files.some((other) => other.startsWith(`${path}/`))))
  const part = fc.constantFrom('a', 'b', 'ab', '*', '?', 'a*', '*.md', '**')
  const line = fc
    .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 3 }))
    .map(([takes, parts]) => (takes ? '!' : '') + parts.join('/'))
  fc.assert(
    fc.property(tree, fc.array(line, { maxLength: 4 }), (files, lines) => {
      const root = folderWith(...files)
      expect([...shown(new ContextTree(root, lines))].sort()).toEqual(shownPlainly(files, lines))
      rmSync(root, { recursive: true })
    }),
    { numRuns: 200 },
  )
})

test('a path that is asked for by itself is ignored as it is in a walk', () => {
  const root = folderWith('a/b/foo', 'a/b/bar')
  const lookUp = (path: string): string | undefined => new ContextTree(root, ['a', '!a/b/foo']).lstat(path)?.type
  expect(['a', 'a/b', 'a/b/foo', 'a/b/bar'].map(lookUp)).toEqual(['directory', 'directory', 'file', undefined])
})

test('what is ignored can still be told from what is missing', () => {
  const tree = new ContextTree(folderWith('a'), ['a'])
  expect([tree.lstatIgnored('a')?.type, tree.lstatIgnored('b')]).toEqual(['file', undefined])
})

test('files count as root’s, whoever has them', () => {
  const root = folderWith('a')
  chownSync(join(root, 'a'), 1234, 5678)
  expect(new ContextTree(root, []).lstat('a')).toMatchObject({ uid: 0, gid: 0 })
})

test('nothing is found behind a link, wherever that leads', () => {
  const root = folderWith('real/x')
  symlinkSync('real', join(root, 'inside'))
  symlinkSync('/etc', join(root, 'outside'))
  const tree = new ContextTree(root, [])
  const paths = ['inside/x', 'outside/passwd', 'outside/ssl/certs']
  expect(paths.map((path) => tree.lstat(path) ?? tree.lstatIgnored(path))).toEqual([undefined, undefined, undefined])
  expect(['inside', 'outside', 'outside/ssl'].map((path) => tree.readDirectory(path))).toEqual([[], [], []])
})

test('every entry is looked at once: the folder is taken to stand still', () => {
  const root = folderWith('a', 'd/b')
  symlinkSync('a', join(root, 'l'))
  const tree = new ContextTree(root, [])
  const look = (): unknown => [tree.lstat('a'), tree.readDirectory('d'), tree.readLink('l'), tree.lstat('new')]
  const before = look()
  for (const path of ['a', 'd/b', 'l']) rmSync(join(root, path))
  symlinkSync('other', join(root, 'l'))
  writeFileSync(join(root, 'new'), '')
  expect(look()).toEqual(before)
})

test('names of one file can be told', () => {
  const root = folderWith('a', 'c')
  linkSync(join(root, 'a'), join(root, 'b'))
  const tree = new ContextTree(root, [])
  const [a, b, c] = ['a', 'b', 'c'].map((path) => tree.lstat(path)?.fileId)
  expect([a === b, a === c]).toEqual([true, false])
})

test('a name that is no UTF-8 is refused, not lost', () => {
  const root = folderWith()
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), '')
  expect(() => new ContextTree(root, []).readDirectory('')).toThrow('its name is not UTF-8')
})

test('a link to a name that is no UTF-8 is refused, not changed', () => {
  const root = folderWith()
  symlinkSync(Buffer.from([0x66, 0xff]), join(root, 'l'))
  expect(() => new ContextTree(root, []).readLink('l')).toThrow('what it leads to is not UTF-8')
})

test('a link to the replacement character itself is as good as any', () => {
  const root = folderWith()
  symlinkSync('\ufffd', join(root, 'l'))
  expect(new ContextTree(root, []).readLink('l')).toBe('\ufffd')
})
