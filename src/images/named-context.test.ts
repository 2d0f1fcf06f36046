import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { parseContext } from './named-context.ts'

const digest = `sha256:${'a'.repeat(64)}`

test('a folder is one by its absolute path', () => {
  const folder = temporaryFolder()
  expect(parseContext('name', relative('.', folder))).toEqual({ kind: 'folder', path: folder })
})

test('the empty image is one by itself', () => {
  expect(parseContext('name', 'docker-image://scratch')).toEqual({ kind: 'scratch' })
})

test('an image is named by its reference', () => {
  expect(parseContext('name', 'docker-image://alpine:3')).toEqual({ kind: 'image', reference: 'alpine:3' })
})

const layouts: Readonly<Record<string, readonly [path: string, selector: string | undefined]>> = {
  '/l': ['/l', undefined],
  '/l:v1.2': ['/l', 'v1.2'],
  '/a:b/l': ['/a:b/l', undefined],
  '/a:b/l:tag': ['/a:b/l', 'tag'],
  [`/l@${digest}`]: ['/l', digest],
}

for (const [text, [path, selector]] of Object.entries(layouts)) {
  test(`oci-layout://${text} is ${selector ?? 'the only image'} of ${path}`, () => {
    expect(parseContext('name', `oci-layout://${text}`)).toEqual({ kind: 'oci-layout', path, selector })
  })
}

test('a layout without a path is refused', () => {
  expect(() => parseContext('name', 'oci-layout://:tag')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})

test('a git repository and a file on a web server are named by their addresses', () => {
  expect(parseContext('name', 'https://x/y.git#v1')).toMatchObject({ kind: 'git', source: { reference: 'v1' } })
  expect(parseContext('name', 'github.com/x/y#v1')).toMatchObject({
    kind: 'git',
    source: { repository: 'https://github.com/x/y', reference: 'v1' },
  })
  expect(parseContext('name', 'git@x:y')).toMatchObject({ kind: 'git', source: { repository: 'git@x:y' } })
  expect(parseContext('name', 'https://x/y')).toEqual({ kind: 'url', url: 'https://x/y' })
})

test('a platform behind the name must be one', () => {
  expect(parseContext('name::linux/arm64', 'docker-image://alpine')).toEqual({ kind: 'image', reference: 'alpine' })
  expect(() => parseContext('name::a/b/c/d', 'docker-image://alpine')).toThrow(
    expect.objectContaining({ code: 'PLATFORM_INVALID' }),
  )
})

test('another scheme is refused', () => {
  expect(() => parseContext('name', 'ftp://x/y')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})

test('a file, or nothing, is no context', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  for (const value of [file, `${file}/below`, `${file}.missing`]) {
    expect(() => parseContext('name', value)).toThrow(expect.objectContaining({ code: 'CONTEXT_INVALID' }))
  }
})
