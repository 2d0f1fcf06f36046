import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { archiveOf, type SampleEntry } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { findInArchive } from './find-in-archive.ts'

async function find(archive: Uint8Array, path: string): Promise<string | undefined> {
  const file = join(temporaryFolder(), 'archive')
  writeFileSync(file, archive)
  const bytes = await findInArchive(file, path, new AbortController().signal)
  return bytes === undefined ? undefined : (await buffer(bytes)).toString()
}

const link = (path: string, linkName: string): SampleEntry => ({ path, type: 'symlink', linkName })
const file = (path: string, content = path): SampleEntry => ({ path, content })

const cases: readonly (readonly [what: string, entries: readonly SampleEntry[], found: string | undefined])[] = [
  ['by its name', [file('a'), file('f')], 'f'],
  ['in a folder that no member stands for, through a link', [link('f', 'd/e/g'), file('d/e/g')], 'd/e/g'],
  [
    'where a link comes before what it leads to, and where it comes after',
    [file('z'), link('f', 'a'), link('a', 'z')],
    'z',
  ],
  ['through an absolute link, which begins at the root of the archive', [link('f', '/d/g'), file('d/g')], 'd/g'],
  ['through a link that climbs, which ends at the root of the archive', [link('f', '../../g'), file('g')], 'g'],
  ['in a folder that is a link', [file('real/f'), link('d', 'real'), link('f', 'd/f')], 'real/f'],
  [
    'written through a link',
    [{ path: 'real', type: 'directory' }, link('d', 'real'), file('d/x'), link('f', 'real/x')],
    'd/x',
  ],
  ['as the last member of the name has it', [file('f', 'old'), file('f', 'new')], 'new'],
  ['instead of a link of its name', [file('g'), link('f', 'g'), file('f')], 'f'],
  ['by a hard link', [file('g'), { path: 'f', type: 'hardlink', linkName: 'g' }, file('g', 'later')], 'g'],
  ['in a folder that takes the place of a file', [file('d'), file('d/g'), link('f', 'd/g')], 'd/g'],
  ['not, where a file takes the place of its folder', [file('d/g'), file('d'), link('f', 'd/g')], undefined],
  ['not behind a link to itself', [link('f', 'f')], undefined],
  ['not behind a hard link to nothing', [{ path: 'f', type: 'hardlink', linkName: 'g' }], undefined],
  ['not as a pipe', [{ path: 'f', type: 'fifo' }], undefined],
  ['not as a folder', [file('f/g')], undefined],
  ['not as a folder of this machine', [link('f', '/etc/hostname')], undefined],
]

test.each(cases)('a file is found %s', async (_, entries, found) => {
  expect(await find(archiveOf(entries), 'f')).toBe(found)
})

test('a compressed archive is read like any other', async () => {
  expect(await find(gzipSync(archiveOf([file('d/f')])), './d/../d/f')).toBe('d/f')
})

test('names of a thousand folders that are no names on this system take no time', async () => {
  const deep = Array.from({ length: 200 }, (_, index) => file(`${'d/'.repeat(100_000)}${index}`))
  const winding = Array.from({ length: 2000 }, (_, index) => file(`${'d/'.repeat(2000)}${index}`))
  expect(await find(archiveOf([...deep, ...winding, file('f')]), 'f')).toBe('f')
})

test('an archive that is cut off is an error', async () => {
  await expect(find(archiveOf([file('a', 'x'.repeat(5000)), file('f')]).subarray(0, 2000), 'f')).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
  })
})
