import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { DirectoryListings } from './directory-listings.ts'

interface Setting {
  readonly folder: string
  /** The names, and how often they were read so far. */
  list(): readonly [names: readonly string[], reads: number]
}

function setting(): Setting {
  const folder = join(temporaryFolder(), 'folder')
  mkdirSync(folder)
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), name)
  const listings = new DirectoryListings()
  let reads = 0
  const read = (): readonly string[] => {
    reads++
    return readdirSync(folder)
  }
  return { folder, list: () => [listings.namesIn(folder, read), reads] }
}

const settled = (): Promise<void> => sleep(2100)

test('a directory that has long stood still is read once, whatever is written into its files', async () => {
  const { folder, list } = setting()
  await settled()
  list()
  writeFileSync(join(folder, 'a'), 'longer than it was')
  expect(list()).toEqual([['a', 'b'], 1])
})

test('a directory that changed a moment ago may change again unseen, and is read again', () => {
  const { list } = setting()
  list()
  expect(list()).toEqual([['a', 'b'], 2])
})

const changes: Readonly<Record<string, readonly [change: (folder: string) => void, names: readonly string[]]>> = {
  'another name': [(folder) => writeFileSync(join(folder, 'c'), ''), ['a', 'b', 'c']],
  'a name less': [(folder) => rmSync(join(folder, 'a')), ['b']],
  'a name that changed': [(folder) => renameSync(join(folder, 'a'), join(folder, 'z')), ['b', 'z']],
  'another directory in its place': [
    (folder) => {
      mkdirSync(`${folder}.new`)
      renameSync(folder, `${folder}.old`)
      renameSync(`${folder}.new`, folder)
    },
    [],
  ],
}

test.concurrent.each(Object.entries(changes))('a directory with %s is read again', async (_, [change, names]) => {
  const { folder, list } = setting()
  await settled()
  list()
  change(folder)
  expect(list()).toEqual([names, 2])
})
