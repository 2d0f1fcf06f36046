import { execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { SecretSource } from '../config/secrets.ts'
import { Secrets } from './secrets.ts'

function secrets(sources: Readonly<Record<string, SecretSource>>, env: Readonly<Record<string, string>> = {}): Secrets {
  return new Secrets(new Map(Object.entries(sources)), env, new AbortController().signal)
}

test('a secret is the bytes of a file, of a variable, or those given', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, Buffer.from([0, 255, 10]))
  const all = secrets(
    {
      file: { kind: 'file', path },
      env: { kind: 'env', name: 'E' },
      unset: { kind: 'env', name: 'U' },
      value: { kind: 'value', bytes: Buffer.from('v\n') },
    },
    { E: 'é' },
  )
  await all.check()
  expect(await Promise.all(['file', 'env', 'unset', 'value', 'none'].map((id) => all.find(id)))).toEqual([
    Buffer.from([0, 255, 10]),
    Buffer.from('é'),
    Buffer.from(''),
    Buffer.from('v\n'),
    undefined,
  ])
  expect(await all.findText('value')).toBe('v')
})

test('a pipe is read once, when it is wanted', async () => {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const all = secrets({ p: { kind: 'file', path } })
  await all.check()
  const both = Promise.all([all.find('p'), all.find('p')])
  spawn('sh', ['-c', 'echo once > "$0"', path])
  expect(await both).toEqual([Buffer.from('once\n'), Buffer.from('once\n')])
})

test('500 KiB can be a secret, more cannot', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, Buffer.alloc(500 * 1024))
  expect(await secrets({ f: { kind: 'file', path } }).find('f')).toHaveLength(512_000)
  writeFileSync(path, Buffer.alloc(500 * 1024 + 1))
  for (const sources of [
    { f: { kind: 'file', path } },
    { f: { kind: 'value', bytes: Buffer.alloc(512_001) } },
  ] as const)
    await expect(secrets(sources).check()).rejects.toThrow('larger than 500 KiB')
  await expect(secrets({ f: { kind: 'file', path: '/dev/zero' } }).find('f')).rejects.toThrow('larger than 500 KiB')
})

test('a file that is not there, or is none, is told', async () => {
  const folder = temporaryFolder()
  const missing = secrets({ s: { kind: 'file', path: join(folder, 'missing') } })
  await expect(missing.check()).rejects.toThrow('Cannot read the secret "s": ENOENT')
  await expect(secrets({ s: { kind: 'file', path: folder } }).find('s')).rejects.toThrow('Cannot read the secret "s"')
})
