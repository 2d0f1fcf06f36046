import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { encodeTarHeader, endMarker, noXattrs, readTar, type TarEntry } from './index.ts'

interface Read {
  readonly entry: TarEntry
  readonly text: string
}

const empty: TarEntry = {
  path: 'a',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  sizeBytes: 0,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: noXattrs,
}

const long = `${'long-'.repeat(30)}name`

describe.each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])('an archive that GNU tar wrote as %s', (format) => {
  test('is read whole', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'tree/folder'), { recursive: true })
    writeFileSync(join(folder, 'tree/file'), 'x'.repeat(1025), { mode: 0o640 })
    linkSync(join(folder, 'tree/file'), join(folder, 'tree/second'))
    symlinkSync('../etc/passwd', join(folder, 'tree/symlink'))
    if (format !== 'v7' && format !== 'ustar') {
      writeFileSync(join(folder, `tree/${long}`), 'long')
      symlinkSync(long, join(folder, `tree/to-${long}`))
    }
    const members = await readAll(
      gnuTar(folder, [`--format=${format}`, '--sort=name', '--mtime=@1.5', '--owner=seven:7', '--group=eight:8']),
    )
    const read = new Map(members.map((member) => [member.entry.path, member]))
    expect(read.get('tree')?.entry).toMatchObject({ type: 'directory', uid: 7, gid: 8, mtimeSeconds: 1 })
    expect(read.get('tree/file')).toMatchObject({ entry: { type: 'file', mode: 0o640 }, text: 'x'.repeat(1025) })
    expect(read.get('tree/second')?.entry).toMatchObject({ type: 'hardlink', linkName: 'tree/file', sizeBytes: 0 })
    expect(read.get('tree/symlink')?.entry).toMatchObject({ type: 'symlink', linkName: '../etc/passwd' })
    if (format === 'v7' || format === 'ustar') return
    expect(read.get(`tree/${long}`)?.text).toBe('long')
    expect(read.get(`tree/to-${long}`)?.entry.linkName).toBe(long)
  })
})

test('global PAX headers hold for all members until a member says otherwise', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'tree'))
  writeFileSync(join(folder, 'tree/file'), 'content')
  const archive = gnuTar(folder, ['--format=posix', '--pax-option=uid=4000000000,gid=12'])
  const [directory, file] = await readAll(archive)
  expect(directory?.entry).toMatchObject({ uid: 4_000_000_000, gid: 12 })
  expect(file).toMatchObject({ entry: { uid: 4_000_000_000, gid: 12 }, text: 'content' })
})

test('numbers that octal has no room for are read from base 256', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'tree'))
  const [directory] = await readAll(gnuTar(folder, ['--format=gnu', '--owner=big:4000000000', '--mtime=@-5']))
  expect(directory?.entry).toMatchObject({ uid: 4_000_000_000, mtimeSeconds: -5 })
})

test.each([
  ['/etc//x', 'etc/x'],
  ['./etc/./x', 'etc/x'],
  ['./', ''],
  ['.', ''],
  ['../../etc/x', '../../etc/x'],
  ['a..b/...', 'a..b/...'],
])('the path %s is given as %j', async (path, expected) => {
  const [member] = await readAll(Buffer.concat([encodeTarHeader({ ...empty, path }), endMarker]))
  expect(member?.entry.path).toBe(expected)
})

test('a body that nobody reads, or that is read in part, is passed over', async () => {
  const archive = Buffer.concat([
    withBody('a', 'x'.repeat(3000)),
    withBody('b', 'y'.repeat(3000)),
    withBody('c', 'z'),
    endMarker,
  ])
  const seen: string[] = []
  for await (const { entry, body } of readTar(inChunks(archive, 700))) {
    if (entry.path === 'a') continue
    for await (const chunk of body) {
      seen.push(entry.path + String(chunk[0]))
      break
    }
  }
  expect(seen).toEqual(['b121', 'c122'])
})

test('the source is read to its end behind the end marker, whatever stands there', async () => {
  let ended = false
  async function* source() {
    yield* inChunks(Buffer.concat([withBody('a', 'x'), endMarker, Buffer.from('not an archive')]), 100)
    ended = true
  }
  for await (const { entry } of readTar(source())) expect(entry.path).toBe('a')
  expect(ended).toBe(true)
})

test('breaking off closes the source', async () => {
  let closed = false
  async function* source() {
    try {
      yield* inChunks(Buffer.concat([withBody('a', 'x'), withBody('b', 'x')]), 100)
    } finally {
      closed = true
    }
  }
  for await (const { entry } of readTar(source())) {
    expect(entry.path).toBe('a')
    break
  }
  expect(closed).toBe(true)
})

test('an archive without an end marker, and an empty one, are read', async () => {
  expect(await readAll(withBody('a', 'x'))).toHaveLength(1)
  expect(await readAll(Buffer.alloc(0))).toEqual([])
  expect(await readAll(Buffer.alloc(10_240))).toEqual([])
})

test('a last member without padding behind it, as umoci writes it, is read whole', async () => {
  const archive = withBody('a', 'x'.repeat(700))
  for (const padding of [0, 100])
    expect(await readAll(archive.subarray(0, 512 + 700 + padding))).toMatchObject([{ text: 'x'.repeat(700) }])
})

test.each<[string, Buffer]>([
  ['text', Buffer.from('this is no archive '.repeat(100))],
  ['half a header', withBody('a', 'x').subarray(0, 300)],
  ['half a body', withBody('a', 'x'.repeat(1000)).subarray(0, 900)],
  ['a header that was changed', changed(withBody('a', 'x'), 0)],
  ['members behind a lone empty block', Buffer.concat([Buffer.alloc(512), withBody('a', 'x')])],
  ['a damaged PAX header', pax('x', '999 path=short\n')],
  ['a PAX header that says no length', pax('x', 'path=short\n')],
  ['a PAX size that is no number', pax('x', '12 size=-12\n')],
  ['a PAX header and nothing behind it', pax('x', '12 path=abc\n').subarray(0, 1024)],
  ['a path with a zero byte', pax('x', '12 path=a\0c\n')],
  ['a sparse file', pax('x', '22 GNU.sparse.major=1\n')],
  ['a header of a gigabyte', Buffer.from(encodeTypeAndSize('x', 1024 ** 3))],
])('%s is refused', async (_, archive) => {
  await expect(readAll(archive)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})

function withBody(path: string, text: string): Buffer {
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
  body.write(text)
  return Buffer.concat([encodeTarHeader({ ...empty, path, sizeBytes: text.length }), body])
}

function pax(typeFlag: string, records: string): Buffer {
  const body = Buffer.alloc(512)
  body.write(records)
  return Buffer.concat([encodeTypeAndSize(typeFlag, records.length), body, withBody('a', 'x')])
}

function encodeTypeAndSize(typeFlag: string, sizeBytes: number): Buffer {
  const header = Buffer.from(encodeTarHeader({ ...empty, sizeBytes }))
  header.write(typeFlag, 156)
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function changed(archive: Buffer, at: number): Buffer {
  const copy = Buffer.from(archive)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}

function gnuTar(folder: string, options: readonly string[]): Buffer {
  execFileSync('tar', ['-C', folder, '-cf', join(folder, 'archive.tar'), ...options, 'tree'])
  return readFileSync(join(folder, 'archive.tar'))
}

async function readAll(archive: Uint8Array): Promise<readonly Read[]> {
  const members: Read[] = []
  for await (const { entry, body } of readTar(inChunks(archive, 333))) {
    const parts: Uint8Array[] = []
    for await (const part of body) parts.push(Buffer.from(part))
    members.push({ entry, text: Buffer.concat(parts).toString() })
  }
  return members
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
