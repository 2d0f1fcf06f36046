import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { encodeTarHeader } from './encode-header.ts'
import { locateMembers } from './locate-members.ts'
import { endMarker, noXattrs, paddingAfter, type TarEntry } from './tar-entry.ts'

const plain: TarEntry = {
  path: '',
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

const entries: readonly TarEntry[] = [
  { ...plain, path: '', type: 'directory' },
  { ...plain, path: 'd', type: 'directory' },
  { ...plain, path: 'd/small', sizeBytes: 1 },
  { ...plain, path: 'd/whole', sizeBytes: 512 },
  { ...plain, path: `d/${'ü'.repeat(100)}`, sizeBytes: 513 },
  { ...plain, path: 'd/link', type: 'symlink', linkName: 'x'.repeat(300) },
  { ...plain, path: 'd/owned', uid: 3_000_000, xattrs: new Map([['user.large', Buffer.alloc(2000, 'v')]]) },
  { ...plain, path: 'z', type: 'hardlink', linkName: 'd/small' },
]

function archiveOf(members: readonly TarEntry[]): Buffer {
  const contentOf = ({ sizeBytes }: TarEntry) => Buffer.alloc(sizeBytes + paddingAfter(sizeBytes))
  return Buffer.concat([...members.flatMap((entry) => [encodeTarHeader(entry), contentOf(entry)]), endMarker])
}

test('each member is found where GNU tar can read it by itself', () => {
  const archive = archiveOf(entries)
  const found = [...locateMembers((offset, bytes) => archive.copy(bytes, 0, offset))]
  const listed = found.map(({ start, end }) =>
    execFileSync('tar', ['-tf', '-', '--quoting-style=literal'], {
      input: Buffer.concat([archive.subarray(start, end), endMarker]),
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    }),
  )
  expect(listed).toEqual(['./\n', 'd/\n', ...entries.slice(2).map(({ path }) => `${path}\n`)])
  expect(found.map(({ path }) => path)).toEqual(entries.map(({ path }) => path))
  expect(found.at(-1)?.end).toBe(archive.length - endMarker.length)
})

test('a damaged header is no end', () => {
  const archive = archiveOf(entries)
  archive[3] = 0xff
  expect(() => [...locateMembers((offset, bytes) => archive.copy(bytes, 0, offset))]).toThrow('damaged')
})
