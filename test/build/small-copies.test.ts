import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { inspectConfig, Project } from '../support/project.ts'
import { build } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

/** Where nothing is: no other process can be started from there. */
function emptyPath(at: Project): string {
  const path = join(at.root, 'no-programs')
  mkdirSync(path)
  return path
}

test.each([
  ['a directory', 'FROM base\nCOPY f /etc/f'],
  ['a directory with a mode of its own', 'FROM base\nCOPY f /tmp/'],
  ['a link to a directory', 'FROM base\nCOPY --chmod=600 --chown=3:4 f /lib/'],
  ['what a step has removed', 'FROM base\nRUN rmdir /var/lib && touch -t 202001010000 /var\nCOPY f /var/lib'],
])('a changed file is copied onto %s without another process, and as with one', async (_, dockerfile) => {
  const at = new Project(base, { Dockerfile: `${dockerfile}\n`, f: 'first' })
  await at.build('-t', 'test')
  writeFileSync(join(at.context, 'f'), 'second')
  const layout = join(at.root, 'layout')
  const output = `type=oci,dest=${layout},tar=false,name=test:latest`
  const { code, stderr } = await at.tryWith({ PATH: emptyPath(at) }, '--output', output)
  expect({ code, stderr }).toMatchObject({ code: 0 })

  const other = join(at.root, 'other-layout')
  const otherOutput = `type=oci,dest=${other},tar=false,name=test:latest`
  await build(['--output', otherOutput, ...at.args], { store: join(at.root, 'other-store') })
  expect(inspectConfig(layout).rootfs.diff_ids.at(-1)).toBe(inspectConfig(other).rootfs.diff_ids.at(-1))
})

test('what replaces a file of the base does so after a change, too', async () => {
  const at = new Project(base, { Dockerfile: 'FROM base\nCOPY f /etc/motd\nCOPY f /bin/sh2\n', f: 'first' })
  await at.buildLayout()
  writeFileSync(join(at.context, 'f'), 'second')
  const first = inspectConfig(await at.buildLayout())
  const other = join(at.root, 'other-layout')
  const output = `type=oci,dest=${other},tar=false,name=test:latest`
  await build(['--output', output, ...at.args], { store: join(at.root, 'other-store') })
  expect(first.rootfs).toEqual(inspectConfig(other).rootfs)
})

test('a step that reads what was copied so finds it', async () => {
  const at = new Project(base, { Dockerfile: 'FROM base\nCOPY f /etc/f\n', f: 'first' })
  await at.build('-t', 'test')
  writeFileSync(join(at.context, 'f'), 'second')
  await at.build('-t', 'test')
  writeFileSync(join(at.context, 'Dockerfile'), 'FROM base\nCOPY f /etc/f\nRUN grep second /etc/f\n')
  const { code, stderr } = await at.try('-t', 'test')
  expect({ code, cached: stderr.includes('CACHED') }).toEqual({ code: 0, cached: true })
})
