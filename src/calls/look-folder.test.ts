import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatOwner, thisProcess } from '../../cache/leases/index.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeLookFolder } from './look-folder.ts'

/** The name of a folder that a process has left which is gone. */
function abandoned(): string {
  return `stave-look-${formatOwner({ ...thisProcess(), pid: spawnSync('true').pid })}`
}

test('what a look that was killed has left goes with the next one', async () => {
  const parent = temporaryFolder()
  const left = join(parent, abandoned())
  mkdirSync(join(left, 'v1'), { recursive: true })
  const made = await makeLookFolder(parent)
  expect([existsSync(left), readdirSync(made)]).toEqual([false, []])
})

test('looks at the same time leave each other alone', async () => {
  const parent = temporaryFolder()
  const [one, other] = [await makeLookFolder(parent), await makeLookFolder(parent)]
  expect(
    readdirSync(parent)
      .map((name) => join(parent, name))
      .sort(),
  ).toEqual([one, other].sort())
})

test('nobody else may enter the folder', async () => {
  expect(statSync(await makeLookFolder(temporaryFolder())).mode & 0o777).toBe(0o700)
})

test('nothing is removed that is somebody else’s, or only looks like what was left', async () => {
  const parent = temporaryFolder()
  const elsewhere = temporaryFolder()
  writeFileSync(join(elsewhere, 'kept'), '')
  const names = [abandoned(), abandoned(), 'stave-look-', 'stave-look-x', 'stave-looks'].sort()
  const [foreign = '', link = ''] = names.filter((name) => name.includes('.'))
  for (const name of names) if (name !== link) mkdirSync(join(parent, name))
  chownSync(join(parent, foreign), 1234, 1234)
  symlinkSync(elsewhere, join(parent, link))
  await makeLookFolder(parent)
  expect(readdirSync(parent)).toEqual(expect.arrayContaining(names))
  expect(readdirSync(elsewhere)).toEqual(['kept'])
})
