import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { exportFolder } from './export-folder.ts'
import { withoutPresent } from './without-present.ts'

const owner = { uid: 0, gid: 0 }
const files = `mkdir -p d/e; echo one > d/a; echo two > d/e/b; truncate -s 600K d/large; ln -s a d/link; touch -d @1000.000000007 d/a d/e/b d/large`

/** What is written of the tree for a folder that holds an earlier export of it, after that was changed. */
async function writtenAfter(change: string): Promise<readonly string[]> {
  const root = temporaryFolder()
  const [layer, folder, staged] = ['layer', 'folder', 'staged'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [layer, folder, staged]) mkdirSync(path)
  execFileSync('bash', ['-ec', files], { cwd: layer })
  const tree = new LayeredTree([layer])
  await exportFolder(tree, folder, owner)
  execFileSync('bash', ['-ec', change], { cwd: folder })
  await exportFolder(withoutPresent(tree, folder, owner), staged, owner)
  const found = execFileSync('find', ['.', '-type', 'f', '-printf', '%P\n'], { cwd: staged, encoding: 'utf8' })
  return found.split('\n').filter(Boolean).sort()
}

const everything = ['d/a', 'd/e/b', 'd/large']

for (const [what, [change, written]] of Object.entries<readonly [change: string, written: readonly string[]]>({
  'nothing else': ['true', []],
  'files of other names': ['echo x > mine; echo x > d/mine', []],
  'another content of the same size and time': ['echo ONE > d/a; touch -d @1000.000000007 d/a', ['d/a']],
  'another end of a large file': [
    'printf x | dd of=d/large bs=1 seek=614399 conv=notrunc status=none; touch -d @1000.000000007 d/large',
    ['d/large'],
  ],
  'another size': ['echo more >> d/a; touch -d @1000.000000007 d/a', ['d/a']],
  'another time': ['touch d/a', ['d/a']],
  'another mode': ['chmod 600 d/a', ['d/a']],
  'another owner': ['chown 12:34 d/a', ['d/a']],
  'an attribute': ['setfattr -n user.mine -v yes d/a', ['d/a']],
  'a further name of a file': ['ln d/a other', ['d/a']],
  'a file less': ['rm d/a', ['d/a']],
  'a folder in the place of a file': ['rm d/a; mkdir d/a', ['d/a']],
  'a link to the same content': ['mv d/a ..; ln -s ../../a d/a', ['d/a']],
  'a link to a folder with the same files': ['mv d ..; ln -s ../d d', everything],
  'nothing any more': ['rm -r d', everything],
})) {
  test(`of a tree for a folder with ${what} is written: ${written.join(', ') || 'no file'}`, async () => {
    expect(await writtenAfter(change)).toEqual(written)
  })
}

test('files with several names, or with attributes, are always written', async () => {
  const root = temporaryFolder()
  const [layer, folder] = [join(root, 'layer'), join(root, 'folder')]
  for (const path of [layer, folder]) mkdirSync(path)
  execFileSync('bash', ['-ec', 'echo x > a; ln a b; echo x > c; setfattr -n user.mine -v yes c; echo x > plain'], {
    cwd: layer,
  })
  chmodSync(layer, 0o755)
  const tree = new LayeredTree([layer])
  await exportFolder(tree, folder, owner)
  const left = withoutPresent(tree, folder, owner)
  expect(['a', 'b', 'c', 'plain'].map((name) => left.lstat(name)?.type)).toEqual(['file', 'file', 'file', undefined])
})
