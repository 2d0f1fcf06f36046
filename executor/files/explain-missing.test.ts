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

test('a hidden file is not what was meant', () => {
  expect(inContext(folderWith('secret/app.js'), 'app.js', ['secret'])).not.toContain('secret')
})
