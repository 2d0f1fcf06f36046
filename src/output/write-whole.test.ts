import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeNode } from '../../executor/linux/index.ts'
import { explained, writeWhole } from './write-whole.ts'

const write = (content: string) => (path: string) => writeFile(path, content, { flag: 'wx' })

test('a file appears with its folders', async () => {
  const folder = temporaryFolder()
  await writeWhole(join(folder, 'a/b/file'), write('new'))
  expect(readFileSync(join(folder, 'a/b/file'), 'utf8')).toBe('new')
})

test('an earlier file is there, untouched, until the new one is whole', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'earlier')
  let seen = ''
  await writeWhole(path, async (staged) => {
    await write('new')(staged)
    seen = readFileSync(path, 'utf8')
  })
  expect([seen, readFileSync(path, 'utf8')]).toEqual(['earlier', 'new'])
})

test('when writing fails, the earlier file stays and nothing lies beside it', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), 'earlier')
  const failing = writeWhole(join(folder, 'file'), async (staged) => {
    await write('half of it')(staged)
    throw new BuildError('REGISTRY_UNREACHABLE', 'gone')
  })
  await expect(failing).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
  expect(readdirSync(folder)).toEqual(['file'])
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('earlier')
})

test('a folder in the way is an error, and stays', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'taken'))
  writeFileSync(join(folder, 'taken/x'), '')
  await expect(writeWhole(join(folder, 'taken'), write('new'))).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
  expect(readdirSync(folder, { recursive: true })).toEqual(['taken', 'taken/x'])
})

test('a link stays, and the file that it leads to is replaced', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'real'), 'earlier')
  symlinkSync('real', join(folder, 'link'))
  await writeWhole(join(folder, 'link'), write('new'))
  expect([readlinkSync(join(folder, 'link')), readFileSync(join(folder, 'real'), 'utf8')]).toEqual(['real', 'new'])
})

test('a device is written to, not replaced', async () => {
  const folder = temporaryFolder()
  makeNode(join(folder, 'null'), 'character-device', 1, 3)
  await writeWhole(join(folder, 'null'), write('new'))
  expect(lstatSync(join(folder, 'null')).isCharacterDevice()).toBe(true)
  expect(readdirSync(folder)).toEqual(['null'])
})

test('a pipe gets the content', async () => {
  const pipe = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [pipe])
  const [content] = await Promise.all([readFile(pipe, 'utf8'), writeWhole(pipe, write('new'))])
  expect(content).toBe('new')
})

test('a full disk is told as one', async () => {
  const failing = writeWhole(join(temporaryFolder(), 'file'), () => writeFile('/dev/full', 'x'))
  await expect(failing).rejects.toMatchObject({ code: 'DISK_FULL' })
})

test('an abort is no failure of the output', () => {
  const abort = Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' })
  expect(explained('file', abort)).toBe(abort)
})

test('a bug stays a bug', () => {
  const bug = new TypeError('x is not a function')
  expect(explained('file', bug)).toBe(bug)
})
