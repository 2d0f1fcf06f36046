import { execFileSync } from 'node:child_process'
import { closeSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { archiveChunks } from '../diff/archive.ts'
import { hashFile } from '../files/hash-file.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { unpackLocalArchive } from '../unpack/local-archive.ts'
import { openFile } from './open-file.ts'
import { entryOfStats } from './stat-entry.ts'
import type { TreeEntry } from './tree-reader.ts'

interface Setting {
  readonly path: string
  /** What `path` was when it was looked at. */
  readonly entry: TreeEntry
  readonly root: string
}

/** A file that is something else by now. */
function replaced(replace: (path: string, secret: string) => void | Promise<void>): () => Promise<Setting> {
  return async () => {
    const root = temporaryFolder()
    const [path, secret] = [join(root, 'file'), join(root, 'secret')]
    writeFileSync(path, 'harmless')
    writeFileSync(secret, 'a secret')
    const entry = entryOfStats(lstatSync(path, { bigint: true }))
    rmSync(path)
    await replace(path, secret)
    return { path, entry, root }
  }
}

const replacements: Readonly<Record<string, () => Promise<Setting>>> = {
  'a link to a secret': replaced((path, secret) => {
    symlinkSync(secret, path)
  }),
  'a pipe that nobody writes to': replaced((path) => {
    execFileSync('mkfifo', [path])
  }),
  'a device without an end': replaced((path) => {
    execFileSync('mknod', [path, 'c', '1', '5'])
  }),
  'a directory': replaced((path) => {
    mkdirSync(path)
  }),
}

const isReplaced: unknown = expect.objectContaining({
  code: 'CONTEXT_INVALID',
  message: expect.stringContaining('has been replaced meanwhile') as unknown,
})

for (const [what, setting] of Object.entries(replacements)) {
  test(`a file that has become ${what} since it was looked at is not hashed`, async () => {
    const { path, entry } = await setting()
    expect(() => hashFile(path, entry)).toThrow(isReplaced)
  })

  test(`a file that has become ${what} since it was looked at is not packed`, async () => {
    const { path, entry } = await setting()
    const change = { kind: 'present', path: 'file', entry, hostPath: path, xattrs: new Map<string, Buffer>() } as const
    expect(() => [...archiveChunks([change])]).toThrow(isReplaced)
  })

  test(`a file that has become ${what} since it was looked at is not copied`, async () => {
    const { path, entry, root } = await setting()
    const upper = join(root, 'upper')
    mkdirSync(upper)
    expect(() => {
      new LayerFolder(upper, [], 0n).copyFile('copy', path, entry, entry)
    }).toThrow(isReplaced)
    expect(readdirSync(upper)).toEqual([])
  })

  test(`a file that has become ${what} since it was looked at is not unpacked`, async () => {
    const { path, root } = await setting()
    const upper = join(root, 'upper')
    mkdirSync(upper)
    await expect(unpackLocalArchive(new LayerFolder(upper, [], 0n), path, '/', undefined)).rejects.toThrow(isReplaced)
    expect(readdirSync(upper)).toEqual([])
  })
}

test('a socket in the place of a file is not read', async () => {
  const path = join(temporaryFolder(), 'file')
  await using server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  expect(() => openFile(path)).toThrow(isReplaced)
})

test('what refuses a file leaves no descriptor open', async () => {
  const { path } = await (replacements['a pipe that nobody writes to'] as () => Promise<Setting>)()
  const before = readdirSync('/proc/self/fd').length
  for (let count = 0; count < 100; count++) expect(() => openFile(path)).toThrow()
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 50)
})

test('a file is read as it is', () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const file = openFile(path)
  expect(readFileSync(file, 'utf8')).toBe('content')
  closeSync(file)
})
