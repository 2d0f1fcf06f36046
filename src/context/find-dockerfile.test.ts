import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { findDockerfile } from './find-dockerfile.ts'

function contextWith(...names: readonly string[]): string {
  const context = temporaryFolder()
  for (const name of names) writeFileSync(join(context, name), '')
  return context
}

for (const [names, found] of [
  [['Dockerfile', 'dockerfile'], 'Dockerfile'],
  [['dockerfile'], 'dockerfile'],
] as const) {
  test(`of ${names.join(' and ')}, ${found} is built`, async () => {
    const context = contextWith(...names)
    expect(await findDockerfile({ context, file: undefined })).toBe(join(context, found))
  })
}

test('a file that is named is taken from where it is', async () => {
  const file = join(contextWith('other'), 'other')
  expect(await findDockerfile({ context: contextWith('Dockerfile'), file })).toBe(file)
})

test('a folder of the name is no Dockerfile', async () => {
  const context = contextWith()
  mkdirSync(join(context, 'Dockerfile'))
  await expect(findDockerfile({ context, file: undefined })).rejects.toMatchObject({ code: 'DOCKERFILE_NOT_FOUND' })
})

test('a folder in its place is told as one', async () => {
  const context = contextWith('Dockerfile')
  await expect(findDockerfile({ context, file: context })).rejects.toMatchObject({
    code: 'DOCKERFILE_NOT_FOUND',
    message: expect.stringContaining('it is a folder') as unknown,
  })
})

test('a pipe counts where it is named, and is not waited at where it is found', async () => {
  const context = contextWith()
  const pipe = join(context, 'Dockerfile')
  execFileSync('mkfifo', [pipe])
  expect(await findDockerfile({ context, file: pipe })).toBe(pipe)
  await expect(findDockerfile({ context, file: undefined })).rejects.toMatchObject({
    code: 'DOCKERFILE_NOT_FOUND',
    message: expect.stringContaining('it is no ordinary file') as unknown,
  })
})
