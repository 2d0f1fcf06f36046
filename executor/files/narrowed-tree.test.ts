import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles } from '../../test/support/stave.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { narrowedTree } from './narrowed-tree.ts'

test('directories show what leads to the wanted paths; all else is there for those who know its name', () => {
  const folder = writeFiles(join(temporaryFolder(), 'context'), { 'a/x/1': '', 'a/x/2': '', 'a/y': '', b: '' })
  const tree = narrowedTree(new ContextTree(folder, []), ['a/x/2'])
  const shown = ['', 'a', 'a/x'].map((path) => tree.readDirectory(path))
  expect(shown).toEqual([['a'], ['x'], ['2']])
  expect(tree.lstat('b')?.type).toBe('file')
})
