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
