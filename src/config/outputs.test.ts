import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { goesToStdout, resolveOutputs, type Output } from './outputs.ts'
import { usualFormat } from './layer-format.ts'
import type { OutputRequest } from './request.ts'

const tags = ['docker.io/library/app:latest']

function resolved(request: OutputRequest, names: readonly string[] = tags): Output | undefined {
  return resolveOutputs([request], names)[0]
}

test('without any output there is one: the image in the store, under the tags', () => {
  expect(resolveOutputs([], tags)).toEqual([{ type: 'image', names: tags, layers: usualFormat, push: false }])
})

test('a registry is an image that is pushed', () => {
  const pushed = { type: 'image', names: tags, layers: usualFormat, push: true }
  expect(resolved({ type: 'registry' })).toEqual(pushed)
  expect(resolved({ type: 'image', push: true })).toEqual(pushed)
})

test('names of its own stand in the place of the tags', () => {
  expect(resolved({ type: 'image', name: ['other:1'] })).toMatchObject({ names: ['docker.io/library/other:1'] })
})

test('an archive goes to a file, a folder or standard output', () => {
  expect(resolved({ type: 'oci', dest: 'a.tar' })).toMatchObject({ to: { kind: 'file', path: resolve('a.tar') } })
  expect(resolved({ type: 'oci', dest: 'a', tar: false })).toMatchObject({ to: { kind: 'folder', path: resolve('a') } })
  expect(resolved({ type: 'docker', dest: '-' })).toMatchObject({ to: { kind: 'stdout' } })
})

test('only what goes to standard output takes the place of the digest', () => {
  const outputs = resolveOutputs([{ type: 'image' }, { type: 'tar', dest: '-' }, { type: 'local', dest: 'd' }], tags)
  expect(outputs.map(goesToStdout)).toEqual([false, true, false])
})

test('layers are compressed as they are asked to be, at the usual level if none is given', () => {
  const formats = (
    [
      {},
      { compression: 'gzip', compressionLevel: 9 },
      { compressionLevel: 0 },
      { compression: 'zstd' },
      { compression: 'zstd', compressionLevel: 22, forceCompression: true },
      { compression: 'uncompressed', forceCompression: false },
    ] as const
  ).map((asked) => (resolved({ type: 'image', ...asked }) as Extract<Output, { type: 'image' }>).layers)
  expect(formats).toEqual([
    { compression: { type: 'gzip', level: 4 }, force: false },
    { compression: { type: 'gzip', level: 9 }, force: false },
    { compression: { type: 'gzip', level: 0 }, force: false },
    { compression: { type: 'zstd', level: 3 }, force: false },
    { compression: { type: 'zstd', level: 22 }, force: true },
    { compression: { type: 'uncompressed' }, force: false },
  ])
})

const refused: Readonly<Record<string, readonly OutputRequest[]>> = {
  'a type that is none': [{ type: 'zip' as 'tar', dest: 'a' }],
  'a push without a name': [{ type: 'registry', name: [] }],
  'a file for an image': [{ type: 'image', dest: 'a' }],
  'files without a folder': [{ type: 'local' }],
  'files in a folder on standard output': [{ type: 'local', dest: '-' }],
  'files over those of the machine': [{ type: 'local', dest: '//tmp/..' }],
  'an archive without a file': [{ type: 'oci' }],
  'an archive to no file': [{ type: 'tar', dest: '' }],
  'a layout folder on standard output': [{ type: 'oci', dest: '-', tar: false }],
  'a compression that is none': [{ type: 'image', compression: 'lzma' as 'gzip' }],
  'estargz, which stave does not make': [{ type: 'image', compression: 'estargz' as 'gzip' }],
  'a level above those of gzip': [{ type: 'image', compression: 'gzip', compressionLevel: 10 }],
  'a level above those of zstd': [{ type: 'image', compression: 'zstd', compressionLevel: 23 }],
  'a level below all': [{ type: 'image', compressionLevel: -1 }],
  'half a level': [{ type: 'image', compressionLevel: 1.5 }],
  'a level of no compression': [{ type: 'image', compression: 'uncompressed', compressionLevel: 1 }],
  'a compression of files': [{ type: 'local', dest: 'd', compression: 'zstd' }],
  'two outputs to standard output': [
    { type: 'tar', dest: '-' },
    { type: 'oci', dest: '-' },
  ],
}

for (const [what, requests] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    expect(() => resolveOutputs(requests, tags)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
}
