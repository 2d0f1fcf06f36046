import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { MountStubs } from './mount-stubs.ts'

function rootWith(...folders: readonly string[]): string {
  const root = join(temporaryFolder(), 'root')
  for (const folder of ['', ...folders]) mkdirSync(join(root, folder), { recursive: true })
  return root
}

test('what was made is taken away again, with the folders that were made for it', () => {
  const root = rootWith()
  const stubs = new MountStubs(root)
  expect(stubs.makeFile('/etc/hosts')).toBe('/etc/hosts')
  expect(stubs.makeDirectory('/var/cache/x')).toBe('/var/cache/x')
  stubs.remove()
  expect(readdirSync(root)).toEqual([])
})

test('what was there stays, and so does what the process wrote', () => {
  const root = rootWith('etc')
  writeFileSync(join(root, 'etc/hosts'), '')
  const stubs = new MountStubs(root)
  stubs.makeFile('/etc/hosts')
  stubs.makeDirectory('/cache')
  writeFileSync(join(root, 'cache/file'), '')
  stubs.remove()
  expect(readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()).toEqual([
    'cache',
    'cache/file',
    'etc',
    'etc/hosts',
  ])
})

test('a folder that only the stubs touched gets its time back', () => {
  const root = rootWith('etc')
  utimesSync(join(root, 'etc'), 1000, 1000)
  const stubs = new MountStubs(root)
  stubs.makeFile('/etc/hosts')
  stubs.remove()
  expect(lstatSync(join(root, 'etc')).mtimeMs).toBe(1_000_000)
})

test('a target behind a link is made inside the root', () => {
  const root = rootWith('etc')
  symlinkSync('/../../../run/resolv.conf', join(root, 'etc/resolv.conf'))
  expect(new MountStubs(root).makeFile('/etc/resolv.conf')).toBe('/run/resolv.conf')
  expect(existsSync(join(root, 'run/resolv.conf'))).toBe(true)
})

test('a process that puts a link to the host in the place of a folder gets nothing removed there', () => {
  const root = rootWith()
  const host = join(root, '../host')
  mkdirSync(join(host, 'empty'), { recursive: true })
  writeFileSync(join(host, 'hosts'), '')
  utimesSync(host, 1000, 1000)
  const stubs = new MountStubs(root)
  stubs.makeFile('/etc/hosts')
  stubs.makeDirectory('/etc/empty')
  renameSync(join(root, 'etc'), join(root, 'moved'))
  symlinkSync(host, join(root, 'etc'))
  stubs.remove()
  expect(readdirSync(host).sort()).toEqual(['empty', 'hosts'])
  expect(lstatSync(host).mtimeMs).toBe(1_000_000)
})

test('a target inside an earlier mount is made in what that shows, and what that shows stays', () => {
  const root = rootWith()
  const shown = join(root, '../shown')
  mkdirSync(shown)
  const stubs = new MountStubs(root)
  stubs.cover(stubs.makeDirectory('/c'), shown)
  expect(stubs.makeDirectory('/c/d/e')).toBe('/c/d/e')
  expect(existsSync(join(shown, 'd/e'))).toBe(true)
  expect(readdirSync(join(root, 'c'))).toEqual([])
  stubs.remove()
  expect([readdirSync(root), readdirSync(shown)]).toEqual([[], []])
})

test('links in what an earlier mount shows lead to the root, and never out of it', () => {
  const root = rootWith('etc')
  const [shown, host] = [join(root, '../shown'), join(root, '../host')]
  for (const folder of [shown, host]) mkdirSync(folder)
  symlinkSync(host, join(shown, 'absolute'))
  symlinkSync('../../../../host', join(shown, 'up'))
  symlinkSync('/etc', join(shown, 'etc'))
  const stubs = new MountStubs(root)
  stubs.cover(stubs.makeDirectory('/c'), shown)
  expect(stubs.makeFile('/c/etc/x')).toBe('/etc/x')
  expect(stubs.makeDirectory('/c/up')).toBe('/host')
  expect(stubs.makeDirectory('/c/absolute')).toBe(host)
  expect(existsSync(join(root, host))).toBe(true)
  expect(readdirSync(host)).toEqual([])
  stubs.remove()
  expect(readdirSync(root)).toEqual(['etc'])
})

test('nothing is made inside what is mounted empty', () => {
  const root = rootWith()
  const stubs = new MountStubs(root)
  stubs.cover(stubs.makeDirectory('/t'), undefined)
  expect([stubs.makeDirectory('/t/d'), stubs.makeFile('/t/d/f')]).toEqual(['/t/d', '/t/d/f'])
  expect(readdirSync(join(root, 't'))).toEqual([])
})

test('a directory where a file is to be shown, or a file in the way, is an error', () => {
  const root = rootWith('d')
  writeFileSync(join(root, 'f'), '')
  const stubs = new MountStubs(root)
  for (const make of [() => stubs.makeFile('/d'), () => stubs.makeDirectory('/f'), () => stubs.makeFile('/f/x')])
    expect(make).toThrow(expect.objectContaining({ code: 'MOUNT_INVALID' }) as Error)
})
