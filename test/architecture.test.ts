import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  frontend: ['core'],
  cache: ['core'],
  executor: ['core', 'cache'],
  src: ['core', 'frontend', 'executor', 'cache'],
}

interface Import {
  readonly file: string
  readonly specifier: string
}

function importsOf(folder: string): readonly Import[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const file = join(folder, name)
      const text = readFileSync(join(root, file), 'utf8')
      const found = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)
      return [...found].map(([, specifier = '']) => ({ file, specifier }))
    })
}

function folderOf({ file, specifier }: Import): string {
  const [folder = ''] = relative(root, join(root, dirname(file), specifier)).split('/')
  return folder
}

test.each(Object.keys(mayImport))('%s/ imports only the folders that it may lean on', (folder) => {
  const allowed = new Set([folder, ...(mayImport[folder] ?? [])])
  const wrong = importsOf(folder)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .filter((found) => !allowed.has(folderOf(found)))
    // Tests of a folder may use what all tests share.
    .filter((found) => !(/\.(test|suite)\.ts$/.test(found.file) && folderOf(found) === 'test'))
  expect(wrong).toEqual([])
})

test('frontend/ and core/ touch no disk, network, process or clock', () => {
  const pure = new Set(['node:crypto', 'node:path'])
  const wrong = ['core', 'frontend']
    .flatMap((folder) => importsOf(folder))
    .filter(({ file }) => !/\.(test|suite)\.ts$/.test(file))
    .filter(({ specifier }) => specifier.startsWith('node:') && !pure.has(specifier))
  expect(wrong).toEqual([])
})

test('only executor/linux/ names koffi', () => {
  const wrong = Object.keys(mayImport)
    .flatMap((folder) => importsOf(folder))
    .filter(({ file, specifier }) => specifier === 'koffi' && !file.startsWith('executor/linux/'))
  expect(wrong).toEqual([])
})
