import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { goesToStdout, resolveOutputs, type Output } from './outputs.ts'
import type { OutputRequest } from './request.ts'

const tags = ['docker.io/library/app:latest']

function resolved(request: OutputRequest, names: readonly string[] = tags): Output | undefined {
  return resolveOutputs([request], names)[0]
}

test('without any output there is one: the image in the store, under the tags', () => {
  expect(resolveOutputs([], tags)).toEqual([{ type: 'image', names: tags, push: false }])
})

test('a registry is an image that is pushed', () => {
  expect(resolved({ type: 'registry' })).toEqual({ type: 'image', names: tags, push: true })
  expect(resolved({ type: 'image', push: true })).toEqual({ type: 'image', names: tags, push: true })
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
