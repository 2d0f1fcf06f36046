import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { CopyAction, FileAction, MakeDirectoryAction, WriteFileAction } from '../../core/ops.ts'
import { copyAction } from '../../test/support/copy-action.ts'
import { archiveOf } from '../../test/support/archive.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayerFolder } from '../files/layer-folder.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { applyFileActions } from './files.ts'

interface Setting {
  readonly context: string
  readonly lower: string
  readonly upper: string
}

function setting(
  lower: Readonly<Record<string, string>> = {},
  context: Readonly<Record<string, string>> = {},
): Setting {
  const root = temporaryFolder()
  const at = { context: join(root, 'context'), lower: join(root, 'lower'), upper: join(root, 'upper') }
  for (const folder of Object.values(at)) mkdirSync(folder)
  for (const [folder, files] of [
    [at.lower, lower],
    [at.context, context],
  ] as const)
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
  return at
}

async function apply(at: Setting, ...actions: readonly FileAction[]): Promise<void> {
  const layer = new LayerFolder(at.upper, [at.lower], 5_000_000_000n)
  const sources = [{ reader: new ContextTree(at.context, []), keepsOwner: false }]
  await applyFileActions({ op: { type: 'files', actions }, sources, nowNs: 5_000_000_000n }, layer)
}

const makeDirectory = (path: string, options: Partial<MakeDirectoryAction> = {}): MakeDirectoryAction => ({
  action: 'make-directory',
  path,
  mode: 0o755,
  owner: undefined,
  unknownOwner: 'root',
  mtimeSeconds: undefined,
  ...options,
})

const writeFile = (destination: string, options: Partial<WriteFileAction> = {}): WriteFileAction => ({
  action: 'write-file',
  destination,
  name: 'EOF',
  content: 'text',
  mode: undefined,
  owner: undefined,
  ...options,
})

const copy = (source: string, destination: string, options: Partial<CopyAction> = {}): CopyAction =>
  copyAction({ sources: [source], destination, ...options })

const attributes = (path: string): string => {
  const { mode, uid, gid } = lstatSync(path)
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`
}

test('a directory that is there is left alone', async () => {
  const at = setting({ 'd/x': '' })
  await apply(at, makeDirectory('/d', { mode: 0o700 }))
  expect(() => lstatSync(join(at.upper, 'd'))).toThrow('ENOENT')
})

test('a directory is made where a link leads', async () => {
  const at = setting()
  symlinkSync('/real', join(at.lower, 'link'))
  await apply(at, makeDirectory('/link/d'))
  expect(lstatSync(join(at.upper, 'real/d')).isDirectory()).toBe(true)
})

test('a directory is of the user that was named, with the parents made for it', async () => {
  const at = setting({ 'etc/passwd': 'web:x:33:44::/:\n' })
  await apply(at, makeDirectory('/a/b', { owner: { user: 'web', group: undefined } }))
  expect([attributes(join(at.upper, 'a')), attributes(join(at.upper, 'a/b'))]).toEqual(['755 33:44', '755 33:44'])
})

test('a user that nobody knows is root where that is wanted, else an error', async () => {
  const owner = { user: 'nobody-knows', group: undefined }
  const at = setting()
  await apply(at, makeDirectory('/d', { owner }))
  expect(attributes(join(at.upper, 'd'))).toBe('755 0:0')
  await expect(apply(setting(), makeDirectory('/d', { owner, unknownOwner: 'error' }))).rejects.toMatchObject({
    code: 'OWNER_UNKNOWN',
  })
})

test('a file in the way of a directory is a conflict', async () => {
  await expect(apply(setting({ d: '' }), makeDirectory('/d'))).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('a file is 0644 and root’s when nothing else is said', async () => {
  const at = setting()
  await apply(at, writeFile('/a/b'))
  expect(attributes(join(at.upper, 'a/b'))).toBe('644 0:0')
})

test('a symbolic mode changes that of a new file', async () => {
  const at = setting()
  await apply(at, writeFile('/a', { mode: { kind: 'symbolic', text: 'u+x,go=' } }))
  expect(attributes(join(at.upper, 'a'))).toBe('700 0:0')
})

for (const destination of ['/d/', '/d', '/new/']) {
  test(`to ${destination} a file goes under its own name`, async () => {
    const at = setting({ 'd/x': '' })
    await apply(at, writeFile(destination))
    expect(readFileSync(join(at.upper, destination, 'EOF'), 'utf8')).toBe('text')
  })
}

test('a link to a file is written through, by its own name or by its directory’s', async () => {
  for (const destination of ['/d/EOF', '/d/']) {
    const at = setting({ 'd/real': 'old' })
    symlinkSync('real', join(at.lower, 'd/EOF'))
    await apply(at, writeFile(destination))
    expect(readFileSync(join(at.upper, 'd/real'), 'utf8')).toBe('text')
    expect(readlinkSync(join(at.lower, 'd/EOF'))).toBe('real')
  }
})

test('a directory in the place of a file is a conflict', async () => {
  await expect(apply(setting({ 'd/EOF/x': '' }), writeFile('/d/'))).rejects.toMatchObject({ code: 'COPY_CONFLICT' })
})

test('each action finds what the one before has left', async () => {
  const at = setting({}, { f: 'copied' })
  await apply(
    at,
    writeFile('/etc/passwd', { content: 'web:x:33:44::/:\n' }),
    copy('f', '/f', { owner: { user: 'web', group: undefined } }),
    writeFile('/f'),
  )
  expect(readFileSync(join(at.upper, 'f'), 'utf8')).toBe('text')
})

test('a local archive is unpacked for ADD, and copied for COPY', async () => {
  const at = setting()
  writeFileSync(join(at.context, 'a.tar'), archiveOf([{ path: 'inside', content: 'x' }]))
  await apply(at, copy('a.tar', '/added/', { unpack: 'auto' }), copy('a.tar', '/copied/'))
  expect(readFileSync(join(at.upper, 'added/inside'), 'utf8')).toBe('x')
  expect(lstatSync(join(at.upper, 'copied/a.tar')).isFile()).toBe(true)
})

test('what is unpacked replaces a lower layer’s link by the archive’s directory', async () => {
  const at = setting({ 'real/old': '' })
  symlinkSync('real', join(at.lower, 'd'))
  writeFileSync(join(at.context, 'a.tar'), archiveOf([{ path: 'd', type: 'directory' }, { path: 'd/x' }]))
  await apply(at, copy('a.tar', '/', { unpack: 'auto' }))
  expect(lstatSync(join(at.upper, 'd')).isDirectory()).toBe(true)
})

test('directories get their times when all is written', async () => {
  const at = setting()
  await apply(at, makeDirectory('/d'), writeFile('/d/a'))
  expect(lstatSync(join(at.upper, 'd')).mtimeMs).toBe(5000)
})
