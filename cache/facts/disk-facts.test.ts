import { execFile } from 'node:child_process'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { openFactStore } from './disk-facts.ts'
import { describeFactStore } from './fact-store.suite.ts'

describeFactStore('facts on disk', () => openFactStore(temporaryFolder()))

const key = 'ab'.repeat(32)

test.each(['', '{"key":"', 'null', '[]', '{"key":1,"value":2}', '{"key":"other","value":2}'])(
  'a file that holds %j counts as absent',
  (text) => {
    const root = temporaryFolder()
    const facts = openFactStore(root)
    facts.put('record', key, 1)
    writeFileSync(join(root, 'record', 'ab', key), text)
    expect(facts.find('record', key)).toBeUndefined()
    facts.put('record', key, 2)
    expect(facts.find('record', key)).toBe(2)
  },
)

test('list() leaves out damaged facts', () => {
  const root = temporaryFolder()
  const facts = openFactStore(root)
  facts.put('record', key, 1)
  facts.put('record', 'sound', 2)
  truncateSync(join(root, 'record', 'ab', key), 5)
  expect(facts.list('record').map((fact) => fact.key)).toEqual(['sound'])
})

test('a kind that is no plain word is refused', () => {
  expect(() => openFactStore(temporaryFolder()).find('../up', 'key')).toThrow(/short lower-case word/)
})

test('processes that write one key at once leave one whole value, and nothing staged', async () => {
  const root = temporaryFolder()
  const module = join(import.meta.dirname, 'disk-facts.ts')
  const script = `
    import { openFactStore } from ${JSON.stringify(module)}
    const facts = openFactStore(${JSON.stringify(root)})
    for (let i = 0; i < 300; i++) {
      facts.put('record', 'key', { writer: process.pid, text: String(process.pid).repeat(2000) })
      const { writer, text } = facts.find('record', 'key')
      if (text !== String(writer).repeat(2000)) throw new Error('half a fact')
    }`
  await runTypeScript(root, script, 3)
  expect(openFactStore(root).find('record', 'key')).toHaveProperty('writer')
  expect(readdirSync(join(root, '.staged'))).toEqual([])
})

async function runTypeScript(folder: string, script: string, times: number): Promise<void> {
  const { build } = await import('esbuild')
  const bundle = join(folder, 'script.mjs')
  await build({
    stdin: { contents: script, resolveDir: folder, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
  })
  await Promise.all(Array.from({ length: times }, () => promisify(execFile)(process.execPath, [bundle])))
}
