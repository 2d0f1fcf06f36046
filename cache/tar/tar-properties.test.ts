import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BuildError } from '../../core/errors.ts'
import { encodeTarHeader, endMarker, paddingAfter, readTar, type TarEntry, type TarEntryType } from './index.ts'
import '../../test/support/fixed-seed.ts'

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..')
const path = fc.array(name, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'))
const id = fc.oneof(fc.nat(3000), fc.nat(0xffff_ffff))

const entries: fc.Arbitrary<TarEntry> = fc
  .record({
    path,
    type: fc.constantFrom<TarEntryType>(
      'file',
      'directory',
      'symlink',
      'hardlink',
      'character-device',
      'block-device',
      'fifo',
    ),
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    mtimeSeconds: fc.integer({ min: -1e10, max: 1e11 }),
    sizeBytes: fc.nat(2000),
    linkName: path,
    deviceMajor: fc.nat(4095),
    deviceMinor: fc.nat(1_048_575),
    xattrs: fc
      .array(fc.tuple(fc.stringMatching(/^user\.[a-z.]{1,20}$/), fc.uint8Array({ maxLength: 300 })), { maxLength: 3 })
      .map((pairs) => new Map(pairs)),
  })
  .map((entry) => ({
    ...entry,
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
    linkName: entry.type === 'symlink' || entry.type === 'hardlink' ? entry.linkName : '',
    ...(entry.type.endsWith('device') ? {} : { deviceMajor: 0, deviceMinor: 0 }),
  }))

test('whatever is written is read back the same, in chunks of any size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entries, { maxLength: 5 }), fc.integer({ min: 1, max: 2000 }), async (written, size) => {
      const read = await readAll(archiveOf(written), size)
      expect(read).toEqual(written.map((entry) => ({ ...entry, xattrs: plain(entry) })))
    }),
    { numRuns: 200 },
  )
})

test('an archive that was damaged is read otherwise or refused, and nothing worse', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(entries, { minLength: 1, maxLength: 3 }),
      damage,
      fc.nat(),
      async (written, changes, cut) => {
        const archive = archiveOf(written)
        for (const [position, byte] of changes) archive[position % archive.length] = byte
        await readOrRefuse(archive.subarray(0, archive.length - (cut % 3 === 0 ? cut % archive.length : 0)))
      },
    ),
    { numRuns: 500 },
  )
})

test('headers with sound checksums and nonsense inside are read otherwise or refused, and nothing worse', async () => {
  const field = fc.tuple(fc.nat(511), fc.uint8Array({ maxLength: 12 }))
  await fc.assert(
    fc.asyncProperty(entries, fc.array(field, { minLength: 1, maxLength: 5 }), async (entry, fields) => {
      const archive = archiveOf([entry])
      const header = archive.subarray(0, 512)
      for (const [position, bytes] of fields) header.set(bytes.subarray(0, 512 - position), position)
      header.write('        ', 148)
      header.write(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, '0')}\0 `,
        148,
      )
      await readOrRefuse(archive)
    }),
    { numRuns: 500 },
  )
})

async function readOrRefuse(archive: Buffer): Promise<void> {
  try {
    await readAll(archive, 700)
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    expect(error.code).toBe('ARCHIVE_INVALID')
  }
}

async function readAll(archive: Buffer, size: number): Promise<readonly object[]> {
  const read: object[] = []
  for await (const { entry, body } of readTar(inChunks(archive, size))) {
    let left = entry.sizeBytes
    for await (const chunk of body) left -= chunk.length
    expect(left).toBe(0)
    read.push({ ...entry, xattrs: plain(entry) })
  }
  return read
}

function plain({ xattrs }: TarEntry): readonly (readonly [string, string])[] {
  return [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString('hex')] as const).sort()
}

function archiveOf(written: readonly TarEntry[]): Buffer {
  const members = written.flatMap((entry) => [
    encodeTarHeader(entry),
    Buffer.alloc(entry.sizeBytes + paddingAfter(entry.sizeBytes), 'x'),
  ])
  return Buffer.concat([...members, endMarker])
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
