import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extract } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { encodeTarHeader, endMarker, noXattrs, paddingAfter, readTar, type TarEntry } from './index.ts'

const file: TarEntry = {
  path: 'etc/motd',
  type: 'file',
  mode: 0o644,
  uid: 1000,
  gid: 100,
  mtimeSeconds: 1_700_000_000,
  sizeBytes: 0,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: noXattrs,
}

const long = 'd'.repeat(60)
const capability = Buffer.from('0100000280000400ff80000000000000000000000a3d0020', 'hex')

/** Name of the case, what differs from `file`, how many blocks its header takes. */
const cases: readonly (readonly [string, Partial<TarEntry>, number])[] = [
  ['a file', {}, 1],
  ['a file of another size', { sizeBytes: 513 }, 1],
  ['all mode bits', { mode: 0o7777 }, 1],
  ['a directory', { path: 'etc', type: 'directory' }, 1],
  ['the root', { path: '', type: 'directory' }, 1],
  ['a symlink', { type: 'symlink', linkName: '/usr/../bin/sh' }, 1],
  ['a hard link', { type: 'hardlink', linkName: 'etc/issue' }, 1],
  ['a character device', { type: 'character-device', deviceMajor: 1, deviceMinor: 3 }, 1],
  ['a block device', { type: 'block-device', deviceMajor: 4095, deviceMinor: 1048575 }, 1],
  ['a fifo', { type: 'fifo' }, 1],
  ['a path of 100 bytes', { path: 'p'.repeat(100) }, 1],
  ['a path that splits in two', { path: `${long}/${long}/${long}` }, 1],
  ['a directory that splits in two', { path: `${long}/${long}/${long}`, type: 'directory' }, 1],
  ['the longest path that splits', { path: `${'a'.repeat(155)}/${'b'.repeat(100)}` }, 1],
  ['a name of 101 bytes', { path: `etc/${'n'.repeat(101)}` }, 3],
  ['a directory name of 100 bytes', { path: 'n'.repeat(100), type: 'directory' }, 3],
  ['a path of 5000 bytes', { path: Array.from({ length: 82 }, () => long).join('/') }, 12],
  ['a path that is not ASCII', { path: 'etc/größe €' }, 3],
  ['a long symlink', { type: 'symlink', linkName: `${long}/${long}` }, 3],
  ['a symlink that is not ASCII', { type: 'symlink', linkName: 'größe' }, 3],
  ['large ids', { uid: 0xffff_fffe, gid: 2_097_152 }, 3],
  ['the largest ids that octal holds', { uid: 2_097_151, gid: 2_097_151 }, 1],
  ['a time before 1970', { mtimeSeconds: -2 }, 3],
  ['a file capability', { xattrs: new Map([['security.capability', capability]]) }, 3],
  [
    'two attributes',
    {
      xattrs: new Map([
        ['user.b', Buffer.from('1\n2')],
        ['user.a', Buffer.alloc(0)],
      ]),
    },
    3,
  ],
]

describe.each(cases)('%s', (_, change, blocks) => {
  const entry = { ...file, ...change }

  test(`takes ${blocks} blocks and is read back the same`, async () => {
    expect(encodeTarHeader(entry)).toHaveLength(blocks * 512)
    expect(await entriesOf(archiveOf([entry]))).toEqual([entry])
  })

  test('is what another reader understands', async () => {
    const [header] = await foreignHeaders(archiveOf([entry]))
    expect(header).toMatchObject({
      name: entry.type === 'directory' ? `${entry.path === '' ? '.' : entry.path}/` : entry.path,
      mode: entry.mode,
      size: entry.sizeBytes,
      type: entry.type === 'hardlink' ? 'link' : entry.type,
      linkname: entry.linkName === '' ? null : entry.linkName,
      devmajor: entry.deviceMajor,
      devminor: entry.deviceMinor,
      uname: '',
      gname: '',
    })
  })
})

test('GNU tar lists what was written', () => {
  const archive = join(temporaryFolder(), 'archive.tar')
  writeFileSync(
    archive,
    archiveOf(cases.map(([, change], index) => ({ ...file, ...change, path: change.path ?? `${index}` }))),
  )
  const list = execFileSync(
    'tar',
    ['-tvf', archive, '--numeric-owner', '--quoting-style=literal', '--utc', '--full-time'],
    {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    },
  )
  const lines = list.trim().replace(/ +/g, ' ').split('\n')
  expect(lines).toHaveLength(cases.length)
  expect(lines).toContain('-rw-r--r-- 1000/100 0 2023-11-14 22:13:20 etc/größe €')
  expect(lines).toContain('brw-r--r-- 1000/100 4095,1048575 2023-11-14 22:13:20 8')
  expect(lines).toContain('hrw-r--r-- 1000/100 0 2023-11-14 22:13:20 6 link to etc/issue')
  expect(lines.find((line) => line.includes('4294967294/2097152'))).toBeDefined()
  expect(lines.find((line) => line.includes('1969-12-31 23:59:58'))).toBeDefined()
})

test('a size over 8 GiB is written as a PAX record, and read back', async () => {
  const header = encodeTarHeader({ ...file, sizeBytes: 9 * 1024 ** 3 })
  expect(header).toHaveLength(1536)
  for await (const { entry } of readTar(chunks(header))) {
    expect(entry.sizeBytes).toBe(9 * 1024 ** 3)
    break
  }
})

test('the same entry gives the same bytes, in whatever order its attributes come', () => {
  const value = Buffer.from('v')
  const ab = {
    ...file,
    xattrs: new Map([
      ['user.a', value],
      ['user.b', value],
    ]),
  }
  const ba = {
    ...file,
    xattrs: new Map([
      ['user.b', value],
      ['user.a', value],
    ]),
  }
  expect(encodeTarHeader(ab)).toEqual(encodeTarHeader(ba))
})

function archiveOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => [
    encodeTarHeader(entry),
    Buffer.alloc(entry.sizeBytes + paddingAfter(entry.sizeBytes)),
  ])
  return Buffer.concat([...parts, endMarker])
}

async function entriesOf(archive: Uint8Array): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = []
  for await (const { entry } of readTar(chunks(archive))) entries.push(entry)
  return entries
}

async function foreignHeaders(archive: Buffer): Promise<readonly object[]> {
  const reader = extract()
  const headers: object[] = []
  reader.on('entry', (header, body, next) => {
    headers.push(header)
    body.on('end', next).resume()
  })
  reader.end(archive)
  await once(reader, 'finish')
  return headers
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}
