import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeTree } from '../../test/support/tree.ts'
import { makeNode } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { exportFolder } from './export-folder.ts'

/** Layer folders, each made by a script, and an empty folder to export to. */
function setting(...scripts: readonly string[]): { readonly layers: readonly string[]; readonly target: string } {
  const root = temporaryFolder()
  const layers = scripts.map((script, index) => {
    const folder = join(root, `layer${index}`)
    mkdirSync(folder)
    execFileSync('bash', ['-ec', script], { cwd: folder })
    return folder
  })
  const target = join(root, 'target')
  mkdirSync(target)
  return { layers, target }
}

const withTimes = (folder: string): string =>
  execFileSync('find', ['.', '-printf', '%P %y %m %T@\n'], { cwd: folder, encoding: 'utf8' })
    .split('\n')
    .sort()
    .join('\n')

test('one layer comes out as it is, times and links included', async () => {
  const { layers, target } = setting(`
    mkdir -m 1777 d && echo x > d/a && ln d/a d/b && chown 12:34 d/a && chmod 4750 d/a && ln -s /nowhere d/l
    mkfifo d/pipe && setfattr -n user.mine -v yes d/a && touch -d @5.000000007 d/a && touch -d @1000 d .
  `)
  await exportFolder(new LayeredTree(layers), target, undefined)
  expect(describeTree(target)).toEqual(describeTree(layers[0] ?? ''))
  expect(withTimes(target)).toBe(withTimes(layers[0] ?? ''))
})

test('layers come out as one, without what was removed', async () => {
  const { layers, target } = setting('mkdir d e; echo 1 > d/a; echo 1 > d/b; echo 1 > e/x', 'mkdir d; echo 2 > d/a')
  makeNode(join(layers[1] ?? '', 'd/b'), 'character-device', 0, 0)
  await exportFolder(new LayeredTree(layers), target, undefined)
  expect(
    execFileSync('find', ['.', '-type', 'f'], { cwd: target, encoding: 'utf8' }).trim().split('\n').sort(),
  ).toEqual(['./d/a', './e/x'])
})

test('with an owner everything is theirs, set-id bits kept', async () => {
  const { layers, target } = setting('mkdir d; echo x > d/a; chown -R 12:34 .; chmod 4755 d/a')
  symlinkSync('a', join(layers[0] ?? '', 'd/l'))
  await exportFolder(new LayeredTree(layers), target, { uid: 7, gid: 8 })
  const lines = execFileSync('find', ['.', '-printf', '%P %m %U:%G\n'], { cwd: target, encoding: 'utf8' })
  expect(lines.trim().split('\n').sort()).toEqual(['755 7:8', 'd 755 7:8', 'd/a 4755 7:8', 'd/l 777 7:8'])
})

test('a link to the host in the tree leads nothing out of the folder', async () => {
  const { layers, target } = setting('ln -s / root; mkdir d')
  const outside = temporaryFolder()
  symlinkSync(outside, join(layers[0] ?? '', 'd/out'))
  writeFileSync(join(layers[0] ?? '', 'd/z'), '')
  await exportFolder(new LayeredTree(layers), target, undefined)
  expect(lstatSync(join(target, 'root')).isSymbolicLink()).toBe(true)
  expect(lstatSync(join(target, 'd/out')).isSymbolicLink()).toBe(true)
})

test('the empty tree is an empty folder', async () => {
  const { target } = setting()
  await exportFolder(new LayeredTree([]), target, undefined)
  expect(describeTree(target).join('')).toBe('')
})
