import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { archiveOf } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import type { Attributes } from '../files/layer-writer.ts'
import { unpackLocalArchive } from './local-archive.ts'

interface Setting {
  readonly archive: string
  readonly upper: string
}

function setting(content: Uint8Array | string): Setting {
  const root = temporaryFolder()
  const at = { archive: join(root, 'archive'), upper: join(root, 'upper') }
  writeFileSync(at.archive, content)
  mkdirSync(at.upper)
  return at
}

async function unpack(
  { archive, upper }: Setting,
  destination = '/to',
  owner?: Pick<Attributes, 'uid' | 'gid'>,
): Promise<boolean> {
  const layer = new LayerFolder(upper, [], 0n)
  const wasArchive = await unpackLocalArchive(layer, archive, destination, owner)
  layer.close()
  return wasArchive
}

const sample = archiveOf([{ path: 'a', content: 'inside', uid: 5, gid: 6, mode: 0o640, mtimeSeconds: 1234 }])

for (const [format, command] of Object.entries({
  'plain tar': ['cat'],
  gzip: ['gzip', '-c'],
  bzip2: ['bzip2', '-c'],
  xz: ['xz', '-c'],
  zstd: ['zstd', '-c'],
})) {
  test(`${format} is unpacked, whatever the file is called`, async () => {
    const [program = '', ...args] = command
    const at = setting(execFileSync(program, args, { input: sample }))
    expect(await unpack(at)).toBe(true)
    expect(readFileSync(join(at.upper, 'to/a'), 'utf8')).toBe('inside')
  })
}

test('owner, mode and time are those of the entry', async () => {
  const at = setting(sample)
  await unpack(at)
  const { uid, gid, mode, mtimeMs } = statSync(join(at.upper, 'to/a'))
  expect([uid, gid, mode & 0o7777, mtimeMs]).toEqual([5, 6, 0o640, 1_234_000])
})

test('--chown is for everything that is unpacked, and for the directory made for it', async () => {
  const at = setting(sample)
  await unpack(at, '/to', { uid: 77, gid: 88 })
  const owners = ['to', 'to/a'].map((path) => statSync(join(at.upper, path))).map(({ uid, gid }) => `${uid}:${gid}`)
  expect(owners).toEqual(['77:88', '77:88'])
})

for (const [what, content] of Object.entries({
  'an empty file': '',
  'a text': 'hello\n'.repeat(200),
  'a file of zeros': Buffer.alloc(4096),
  'a compressed text': execFileSync('gzip', ['-c'], { input: 'hello\n'.repeat(200) }),
  'a gzip file that is cut off': execFileSync('gzip', ['-c'], { input: sample }).subarray(0, 30),
})) {
  test(`${what} is no archive, and nothing is made for it`, async () => {
    const at = setting(content)
    expect(await unpack(at)).toBe(false)
    expect(existsSync(join(at.upper, 'to'))).toBe(false)
  })
}

test('an archive that is damaged further on is an error, not a file', async () => {
  const long = archiveOf([{ path: 'a' }, { path: 'b', content: 'x'.repeat(10_000) }])
  await expect(unpack(setting(long.subarray(0, 4000)))).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})

test('names of whiteouts are names like others', async () => {
  const at = setting(archiveOf([{ path: '.wh.a' }]))
  await unpack(at)
  expect(existsSync(join(at.upper, 'to/.wh.a'))).toBe(true)
})

test('a destination that is a file is a conflict', async () => {
  const at = setting(sample)
  const layer = new LayerFolder(at.upper, [], 0n)
  layer.writeFile('to', '', { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n })
  await expect(unpackLocalArchive(layer, at.archive, '/to', undefined)).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})
