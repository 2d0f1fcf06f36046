import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { explainMissing } from './explain-missing.ts'

function folderWith(...paths: readonly string[]): string {
  const root = temporaryFolder()
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), '')
  }
  return root
}

const written = {
  file: 'app.dockerignore',
  lines: [
    { number: 2, text: '/dist/' },
    { number: 5, text: '!dist/keep' },
    { number: 6, text: '*.log' },
  ],
}

test('the line that hides it is told, as it is written', () => {
  const ignore = ['dist', '!dist/keep', '*.log']
  const tree = new ContextTree(folderWith('dist/app.js', 'dist/keep/x', 'a.log'), ignore, written)
  expect(explainMissing(tree, 'dist/app.js')).toBe(
    '"dist/app.js" exists, but the ignore file (app.dockerignore:2: /dist/) leaves it out of the build context.',
  )
  expect(explainMissing(tree, 'a.log')).toContain('(app.dockerignore:6: *.log)')
})

const inContext = (root: string, path: string, ignore: readonly string[] = []): string =>
  explainMissing(new ContextTree(root, ignore), path)

test('what .dockerignore hides is said to be hidden', () => {
  expect(inContext(folderWith('dist/app.js'), 'dist/app.js', ['dist'])).toBe(
    '"dist/app.js" exists, but .dockerignore leaves it out of the build context.',
  )
})

test('a file of the same name elsewhere is named', () => {
  expect(inContext(folderWith('src/deep/app.js'), 'app.js')).toContain('Did you mean "src/deep/app.js"?')
})

test('a name that differs by case alone is named', () => {
  expect(inContext(folderWith('docs/README.md'), 'docs/readme.md')).toContain('Did you mean "docs/README.md"?')
})

test('a name that differs by a slip is named', () => {
  expect(inContext(folderWith('package.json', 'tsconfig.json'), 'pakcage.json')).toContain('"package.json"')
})

test('a name like no other gets no guess', () => {
  expect(inContext(folderWith('package.json'), 'zzz')).toBe('Paths are relative to the build context.')
})

test('of a stage the root is meant', () => {
  expect(explainMissing(new LayeredTree([folderWith()]), 'x')).toBe(
    "Paths are relative to the root of the stage's or image's file system.",
  )
})

test('nothing is told of the host behind a link', () => {
  const root = folderWith()
  symlinkSync('/etc', join(root, 'link'))
  expect(inContext(root, 'link/passwd')).toBe('Paths are relative to the build context.')
  expect(inContext(root, 'link/passwb')).toBe('Paths are relative to the build context.')
})

test('a link that leads nowhere is told as one', () => {
  const root = folderWith()
  symlinkSync('/etc/passwd', join(root, 'link'))
  expect(inContext(root, 'link')).toBe(
    '"link" is a link to "/etc/passwd", and links are followed inside the build context only: there is nothing at its end.',
  )
  expect(explainMissing(new LayeredTree([root]), 'link')).toContain('inside the file system it is in only')
})

test('a hidden file is not what was meant', () => {
  expect(inContext(folderWith('secret/app.js'), 'app.js', ['secret'])).not.toContain('secret')
})
