import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { writeFiles } from './write-files.ts'
import type { OutputContext } from './write-outputs.ts'

interface Target {
  readonly kind: 'folder' | 'tar'
  readonly path: string
}

/** A result whose files are these; a path that ends with `/` is a folder. An archive of them is just their names. */
function contextOf(files: readonly string[], stdout = new PassThrough(), failure?: Error): OutputContext {
  const scratch = temporaryFolder()
  const call = (_: 'exportTree', { target }: { readonly target: Target }): Promise<void> => {
    if (target.kind === 'tar') writeFileSync(target.path, files.join('\n'))
    else
      for (const path of files) {
        mkdirSync(join(target.path, path.endsWith('/') ? path : dirname(path)), { recursive: true })
        if (!path.endsWith('/')) writeFileSync(join(target.path, path), `new ${path}`)
      }
    return failure === undefined ? Promise.resolve() : Promise.reject(failure)
  }
  return {
    built: [{ tree: [], plan: { platform: { os: 'linux', architecture: 'amd64' } } }],
    solver: { directories: { ensure: () => Promise.resolve([]) } },
    executor: { start: () => Promise.resolve({ call }) },
    store: { lease: { makeFolder: () => Promise.resolve(scratch) } },
    signal: new AbortController().signal,
    stdout,
  } as unknown as OutputContext
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

test('a folder that is missing is made, with its parents', async () => {
  const folder = join(temporaryFolder(), 'a/b')
  await writeFiles({ type: 'local', folder }, contextOf(['d/x', 'e/']))
  expect(filesIn(folder)).toEqual(['d', 'd/x', 'e'])
})

test('what is there under other names stays, at every depth', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'd'))
  for (const path of ['mine', 'd/mine', 'd/x']) writeFileSync(join(folder, path), 'old')
  await writeFiles({ type: 'local', folder }, contextOf(['d/x']))
  expect(filesIn(folder)).toEqual(['d', 'd/mine', 'd/x', 'mine'])
  expect(readFileSync(join(folder, 'd/x'), 'utf8')).toBe('new d/x')
})

test('a file takes the place of a folder, and a folder that of a file', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  writeFileSync(join(folder, 'c'), '')
  await writeFiles({ type: 'local', folder }, contextOf(['a', 'c/d']))
  expect(filesIn(folder)).toEqual(['a', 'c', 'c/d'])
})

test('nothing is written through a link to a folder elsewhere', async () => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
  symlinkSync(elsewhere, join(folder, 'd'))
  await writeFiles({ type: 'local', folder }, contextOf(['d/x']))
  expect([filesIn(elsewhere), filesIn(folder)]).toEqual([[], ['d', 'd/x']])
})

test('the folder’s file system is the only one that is written to', async () => {
  const parent = temporaryFolder()
  const folder = join(parent, 'out')
  mkdirSync(folder)
  const context = contextOf([])
  let beside: readonly string[] = []
  const call = (): Promise<void> => Promise.resolve(void (beside = readdirSync(parent)))
  await writeFiles({ type: 'local', folder }, {
    ...context,
    executor: { start: () => Promise.resolve({ call }) },
  } as unknown as OutputContext)
  expect(beside).toEqual(['out'])
})

test('when exporting fails, the folder is what it was', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'mine'), '')
  const failing = writeFiles({ type: 'local', folder }, contextOf(['x'], undefined, new Error('broken')))
  await expect(failing).rejects.toThrow('broken')
  expect(filesIn(folder)).toEqual(['mine'])
})

test('when exporting fails, a folder that was made for it is gone again', async () => {
  const folder = join(temporaryFolder(), 'out')
  await expect(writeFiles({ type: 'local', folder }, contextOf(['x'], undefined, new Error('broken')))).rejects.toThrow(
    'broken',
  )
  expect(existsSync(folder)).toBe(false)
})

test('a folder that cannot be made is told', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await expect(writeFiles({ type: 'local', folder: join(file, 'out') }, contextOf([]))).rejects.toMatchObject({
    code: 'OUTPUT_FAILED',
  })
})

test('an archive goes to standard output, which stays open', async () => {
  const stdout = new PassThrough()
  await writeFiles({ type: 'tar', to: { kind: 'stdout' } }, contextOf(['x', 'y'], stdout))
  expect([String(stdout.read()), stdout.writable]).toEqual(['x\ny', true])
})

test('a reader of standard output that goes away is a failed output', async () => {
  const stdout = new PassThrough()
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  stdout.write = () => {
    stdout.destroy(gone)
    return false
  }
  await expect(writeFiles({ type: 'tar', to: { kind: 'stdout' } }, contextOf(['x'], stdout))).rejects.toMatchObject({
    code: 'OUTPUT_FAILED',
  })
})
