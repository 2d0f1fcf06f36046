import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { describeTree } from '../../test/support/tree.ts'
import { makeNode } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { exportTar } from './export-tar.ts'

function setting(...scripts: readonly string[]): { readonly root: string; readonly layers: readonly string[] } {
  const root = temporaryFolder()
  const layers = scripts.map((script, index) => {
    const folder = join(root, `layer${index}`)
    mkdirSync(folder)
    execFileSync('bash', ['-ec', script], { cwd: folder })
    return folder
  })
  return { root, layers }
}

test('GNU tar unpacks the tree as it was, owners and links included', async () => {
  const { root, layers } = setting(`
    mkdir d && echo x > d/a && ln d/a d/b && chown 12:34 d/a && chmod 4750 d/a && ln -s a d/l && mkfifo d/pipe
  `)
  const unpacked = join(root, 'unpacked')
  mkdirSync(unpacked)
  await exportTar([{ tree: new LayeredTree(layers), below: '' }], join(root, 'files.tar'))
  execFileSync('tar', ['-xpf', join(root, 'files.tar'), '-C', unpacked])
  expect(describeTree(unpacked)).toEqual(describeTree(layers[0] ?? ''))
})

test('what a layer removed has no whiteout: it is just not there', async () => {
  const { root, layers } = setting('mkdir d; echo 1 > d/a; echo 1 > d/b', 'mkdir d')
  makeNode(join(layers[1] ?? '', 'd/b'), 'character-device', 0, 0)
  await exportTar([{ tree: new LayeredTree(layers), below: '' }], join(root, 'files.tar'))
  expect(execFileSync('tar', ['-tf', join(root, 'files.tar')], { encoding: 'utf8' })).toBe('d/\nd/a\n')
})

test('an earlier file is not written over', async () => {
  const { root, layers } = setting('echo x > a')
  writeFileSync(join(root, 'files.tar'), 'mine')
  await expect(
    exportTar([{ tree: new LayeredTree(layers), below: '' }], join(root, 'files.tar')),
  ).rejects.toMatchObject({ code: 'EEXIST' })
  expect(readFileSync(join(root, 'files.tar'), 'utf8')).toBe('mine')
})

test('a disk that is full in the middle of a chunk fails the export', async () => {
  const { root, layers } = setting('head -c 300000 /dev/urandom > a')
  const small = join(root, 'small')
  mkdirSync(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=280k', 'tmpfs', small])
  try {
    await expect(
      exportTar([{ tree: new LayeredTree(layers), below: '' }], join(small, 'files.tar')),
    ).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(existsSync(join(small, 'files.tar'))).toBe(true) // the caller's to remove
  } finally {
    execFileSync('umount', [small])
  }
})

test('trees of several platforms go below folders of their own', async () => {
  const { root, layers } = setting('mkdir d; echo x > d/a; ln d/a d/b')
  const trees = ['linux_amd64', 'linux_arm64'].map((below) => ({ tree: new LayeredTree(layers), below }))
  await exportTar(trees, join(root, 'files.tar'))
  const names = (platform: string): string => ['', 'd/', 'd/a', 'd/b'].map((name) => `${platform}/${name}\n`).join('')
  const listing = execFileSync('tar', ['-tf', join(root, 'files.tar')], { encoding: 'utf8' })
  expect(listing).toBe(names('linux_amd64') + names('linux_arm64'))
  execFileSync('tar', ['-xf', join(root, 'files.tar'), '-C', root])
  expect(readFileSync(join(root, 'linux_arm64/d/b'), 'utf8')).toBe('x\n')
})
