import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { findIgnoreFile } from './find-ignore-file.ts'

function folderWith(...paths: readonly string[]): string {
  const root = temporaryFolder()
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), `content of ${path}`)
  }
  return root
}

test('I1: the file beside the Dockerfile wins over the one in the context', async () => {
  const root = folderWith('context/.dockerignore', 'docker/app.Dockerfile.dockerignore')
  expect(await findIgnoreFile(join(root, 'context'), join(root, 'docker/app.Dockerfile'))).toEqual({
    file: 'app.Dockerfile.dockerignore',
    text: 'content of docker/app.Dockerfile.dockerignore',
  })
})

test('I1: without one the context’s own counts', async () => {
  const root = folderWith('.dockerignore', 'other.dockerignore')
  expect(await findIgnoreFile(root, join(root, 'Dockerfile'))).toMatchObject({ file: '.dockerignore' })
})

test('I9: a named context has its own', async () => {
  expect(await findIgnoreFile(folderWith('.dockerignore'), undefined)).toMatchObject({ file: '.dockerignore' })
})

test('a context need not have any', async () => {
  const root = folderWith()
  expect(await findIgnoreFile(root, join(root, 'Dockerfile'))).toBeUndefined()
})

test('.containerignore counts where there is no .dockerignore', async () => {
  const folder = folderWith('.containerignore')
  expect(await findIgnoreFile(folder, join(folder, 'Dockerfile'))).toMatchObject({ file: '.containerignore' })
  const both = folderWith('.containerignore', '.dockerignore')
  expect(await findIgnoreFile(both, undefined)).toMatchObject({ file: '.dockerignore' })
})

test('a pipe or a folder in its place is an error, and nobody waits at it', async () => {
  for (const program of ['mkfifo', 'mkdir']) {
    const folder = folderWith()
    execFileSync(program, [join(folder, '.dockerignore')])
    await expect(findIgnoreFile(folder, undefined)).rejects.toMatchObject({
      code: 'CONTEXT_INVALID',
      message: expect.stringContaining('it is no ordinary file') as unknown,
    })
  }
})
