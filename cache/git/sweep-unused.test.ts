import { mkdirSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { markUsed, sweepUnused } from './sweep-unused.ts'

const hour = 60 * 60 * 1000

test('what nobody has used for two days is taken away, and what was marked since stays', async () => {
  const folder = temporaryFolder()
  for (const [name, hoursAgo] of [
    ['fresh', 1],
    ['old', 49],
    ['marked', 49],
  ] as const) {
    mkdirSync(join(folder, name))
    const then = new Date(Date.now() - hoursAgo * hour)
    utimesSync(join(folder, name), then, then)
  }
  await markUsed(join(folder, 'marked'))
  const discarded = temporaryFolder()
  await sweepUnused(folder, () => Promise.resolve(discarded))
  expect([readdirSync(folder), readdirSync(discarded)]).toEqual([['fresh', 'marked'], ['old']])
})

test('a folder that is not there has nothing to sweep', async () => {
  await expect(sweepUnused(join(temporaryFolder(), 'none'), () => Promise.reject(new Error()))).resolves.toBeUndefined()
})
