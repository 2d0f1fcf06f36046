import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openFactStore, type FactStore } from '../../cache/facts/index.ts'
import type { ContextOp } from '../../core/ops.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { Selection } from '../files/select-sources.ts'
import { ContextFolders } from './context-folders.ts'

const context: ContextOp = { type: 'context', name: 'context', ignore: [], unkeyed: { ignoreFile: undefined } }
const all: Selection = { sources: ['.'], wildcards: true, excludes: [], parents: false }

interface Setting {
  readonly folder: string
  readonly facts: FactStore
  /** A build of its own. */
  open(onNews?: () => void): ContextFolders
}

function setting(...paths: readonly string[]): Setting {
  const root = temporaryFolder()
  const folder = join(root, 'context')
  mkdirSync(folder)
  for (const path of paths) write(folder, path, `content of ${path}`)
  const facts = openFactStore(join(root, 'facts'))
  return {
    folder,
    facts,
    open: (onNews) => new ContextFolders(new Map([['context', { path: folder, isLasting: true }]]), facts, onNews),
  }
}

function write(folder: string, path: string, content: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), content)
}

/** What was read before is remembered only when it had not just changed. */
const settled = (): Promise<void> => sleep(2100)

/** Puts a wrong digest in the place of what is remembered, so that its use can be seen. */
function poison({ facts, folder }: Setting): number {
  const known = facts.find('context-files', folder) as Record<string, [string, string]> | undefined
  if (known === undefined) return 0
  const wrong = Object.entries(known).map(([path, [stamp]]) => [path, [stamp, 'f'.repeat(64)]])
  facts.put('context-files', folder, Object.fromEntries(wrong))
  return wrong.length
}

function remember(at: Setting): void {
  const build = at.open()
  build.digest(context, all)
  build.save()
}

test('a file that did not change is not read again', async () => {
  const at = setting('a')
  await settled()
  remember(at)
  const real = at.open().digest(context, all).digest
  expect(poison(at)).toBe(1)
  expect(at.open().digest(context, all).digest).not.toBe(real)
})

for (const [what, change] of Object.entries<(path: string) => void>({
  'another content of the same size': (path) => writeFileSync(path, 'CONTENT of a'),
  'another size': (path) => writeFileSync(path, 'longer than it was'),
  'the same time, set back after a change': (path) => {
    utimesSync(path, 1000, 1000)
    writeFileSync(path, 'CONTENT of a')
    utimesSync(path, 1000, 1000)
  },
  'another file moved to its name': (path) => {
    writeFileSync(`${path}.new`, 'CONTENT of a')
    renameSync(`${path}.new`, path)
  },
})) {
  test(`a file with ${what} is read again`, async () => {
    const at = setting('a')
    await settled()
    remember(at)
    const path = join(at.folder, 'a')
    change(path)
    poison(at)
    const forgetful = new ContextFolders(
      new Map([['context', { path: at.folder, isLasting: true }]]),
      openFactStore(temporaryFolder()),
    )
    expect(at.open().digest(context, all)).toEqual(forgetful.digest(context, all))
  })
}

test('few changed files among many are read again rather than all of them written down again', async () => {
  const paths = Array.from({ length: 200 }, (_, index) => `file${index}`)
  const at = setting(...paths)
  await settled()
  remember(at)
  const stored = (): unknown => at.facts.find('context-files', at.folder)
  const [first, real] = [stored(), at.open().digest(context, all).digest]
  for (const [count, isWrittenAnew] of [
    [1, false],
    [20, true],
  ] as const) {
    for (const path of paths.slice(0, count)) write(at.folder, path, 'changed')
    await settled()
    remember(at)
    expect(at.open().digest(context, all).digest).not.toBe(real)
    expect(JSON.stringify(stored()) !== JSON.stringify(first)).toBe(isWrittenAnew)
  }
})

for (const [count, selection, size] of [
  [300, all, 'large'],
  [20, all, 'small'],
  [300, { ...all, sources: ['file7', 'new'] }, 'small'],
] as const) {
  const isLarge = size === 'large'
  const what = `a ${size} copy of ${selection.sources.join(' and ')} of ${count} files`
  test(`of ${what} it is ${isLarge ? '' : 'not '}told at once that a file is another than it was`, async () => {
    const at = setting('new', ...Array.from({ length: count }, (_, index) => `file${index}`))
    await settled()
    remember(at)
    let news = 0
    const look = (): unknown => at.open(() => news++).digest(context, selection)
    look()
    expect(news).toBe(0)
    write(at.folder, 'file7', 'content of file7') // the same
    look()
    expect(news).toBe(0)
    write(at.folder, 'file7', 'changed')
    write(at.folder, 'new', 'new')
    look()
    expect(news > 0).toBe(isLarge)
  })
}

test('a file that changed a moment ago may change again unseen, and is not remembered', () => {
  const at = setting('a')
  remember(at)
  expect(poison(at)).toBe(0)
})

test('a file that goes while it is looked at is told by its name', () => {
  const at = setting('a')
  const build = at.open()
  build.isUnchanged(context, all) // the tree is walked
  rmSync(join(at.folder, 'a'))
  expect(() => build.digest(context, all)).toThrow(
    expect.objectContaining({ code: 'CONTEXT_INVALID', message: expect.stringContaining('/a') as unknown }),
  )
})

const changes: Readonly<Record<string, (folder: string) => void>> = {
  'a file with another content': (folder) => write(folder, 'd/a', 'other'),
  'a file that is gone': (folder) => rmSync(join(folder, 'd/a')),
  'a file that is new': (folder) => write(folder, 'd/new', ''),
  'a new match of a wildcard': (folder) => write(folder, 'b.txt', ''),
  'a file of another mode': (folder) => chmodSync(join(folder, 'd/a'), 0o700),
  'a directory of another mode': (folder) => chmodSync(join(folder, 'd/e'), 0o700),
  'a link that leads elsewhere': (folder) => {
    rmSync(join(folder, 'd/link'))
    symlinkSync('b', join(folder, 'd/link'))
  },
  'a source that is gone': (folder) => rmSync(join(folder, 'd'), { recursive: true }),
}

const some: Selection = { sources: ['d', '*.txt'], wildcards: true, excludes: ['skipped'], parents: false }

for (const [what, change] of Object.entries(changes)) {
  test(`${what} is seen as a change since it was looked at`, () => {
    const at = setting('d/a', 'd/e/x', 'a.txt')
    symlinkSync('a', join(at.folder, 'd/link'))
    const build = at.open()
    build.digest(context, some)
    change(at.folder)
    expect(build.isUnchanged(context, some)).toBe(false)
  })
}

test('changes are seen as well in a folder that has long stood still', async () => {
  const settings = Object.entries(changes).map(([what, change]) => {
    const at = setting('d/a', 'd/e/x', 'a.txt')
    symlinkSync('a', join(at.folder, 'd/link'))
    return { what, change, at }
  })
  await settled()
  const seen = settings.map(({ what, change, at }) => {
    const build = at.open()
    build.digest(context, some)
    const before = build.isUnchanged(context, some)
    change(at.folder)
    return [what, before, build.isUnchanged(context, some)]
  })
  expect(seen).toEqual(Object.keys(changes).map((what) => [what, true, false]))
})

test('a file that an exception shows is seen when it comes into an ignored directory that has long stood still', async () => {
  const op: ContextOp = { ...context, ignore: ['**', '!**/kept*'] }
  const at = setting('d/ignored', 'd/e/ignored', 'kept')
  await settled()
  const build = at.open()
  build.digest(op, all)
  expect(build.isUnchanged(op, all)).toBe(true)
  write(at.folder, 'd/e/kept', '')
  expect(build.isUnchanged(op, all)).toBe(false)
})

for (const [when, wait] of Object.entries({ 'just made': () => Promise.resolve(), 'long unchanged': settled })) {
  test(`what is not taken may change, in a folder ${when}`, async () => {
    const at = setting('d/a', 'd/skipped', 'a.txt', 'other/x')
    await wait()
    const build = at.open()
    build.digest({ ...context, ignore: ['d/ignored'] }, some)
    write(at.folder, 'd/skipped', 'other')
    write(at.folder, 'd/ignored', 'new')
    write(at.folder, 'other/x', 'other')
    expect(build.isUnchanged({ ...context, ignore: ['d/ignored'] }, some)).toBe(true)
  })
}

test('a context that nobody gave is a bug of ours', () => {
  expect(() =>
    setting()
      .open()
      .folderOf({ ...context, name: 'other' }),
  ).toThrow('the build has no context "other"')
})
