import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeNode } from '../linux/index.ts'
import { setOpaque } from '../tree/layered-tree.ts'
import { layerChanges } from './layer-changes.ts'

interface Folders {
  readonly lower: string
  readonly upper: string
}

function folders(): Folders {
  const root = temporaryFolder()
  const [lower, upper] = [join(root, 'lower'), join(root, 'upper')]
  mkdirSync(lower)
  mkdirSync(upper)
  return { lower, upper }
}

function changes({ lower, upper }: Folders): readonly string[] {
  return [...layerChanges(upper, [lower])].map(({ kind, path }) => (kind === 'removed' ? `- ${path}` : `+ ${path}`))
}

/** What a copy-up leaves: the same attributes, to the nanosecond. */
function copyUp(from: string, to: string): void {
  execFileSync('cp', ['-a', '--', from, to])
}

test('a file that was only copied up is no change', () => {
  const at = folders()
  writeFileSync(join(at.lower, 'a'), 'x')
  copyUp(join(at.lower, 'a'), join(at.upper, 'a'))
  expect(changes(at)).toEqual([])
})

test('with times in whole seconds the content decides', () => {
  const at = folders()
  for (const folder of [at.lower, at.upper]) {
    writeFileSync(join(folder, 'a'), folder === at.lower ? 'x' : 'y')
    utimesSync(join(folder, 'a'), 1000, 1000)
  }
  expect(changes(at)).toEqual(['+ a'])
})

test('a mode that changed is a change', () => {
  const at = folders()
  writeFileSync(join(at.lower, 'a'), 'x')
  copyUp(join(at.lower, 'a'), join(at.upper, 'a'))
  chmodSync(join(at.upper, 'a'), 0o755)
  expect(changes(at)).toEqual(['+ a'])
})

test('directories on the way to a change come before it, other unchanged ones not at all', () => {
  const at = folders()
  mkdirSync(join(at.lower, 'd/e'), { recursive: true })
  mkdirSync(join(at.lower, 'f'))
  mkdirSync(join(at.upper, 'd'))
  writeFileSync(join(at.upper, 'd/new'), '')
  copyUp(join(at.lower, 'f'), join(at.upper, 'f'))
  execFileSync('touch', ['-r', join(at.lower, 'd'), join(at.upper, 'd')])
  expect(changes(at)).toEqual(['+ d', '+ d/new'])
})

test('a whiteout of what is not there says nothing', () => {
  const at = folders()
  makeNode(join(at.upper, 'a'), 'character-device', 0, 0)
  expect(changes(at)).toEqual([])
})

test('a whiteout of what is there is a removal', () => {
  const at = folders()
  writeFileSync(join(at.lower, 'a'), '')
  makeNode(join(at.upper, 'a'), 'character-device', 0, 0)
  expect(changes(at)).toEqual(['- a'])
})

test('a directory made anew removes each name that was in the old one, at every depth', () => {
  const at = folders()
  mkdirSync(join(at.lower, 'd/sub'), { recursive: true })
  for (const name of ['d/gone', 'd/kept', 'd/sub/deep']) writeFileSync(join(at.lower, name), name)
  mkdirSync(join(at.upper, 'd/sub'), { recursive: true })
  writeFileSync(join(at.upper, 'd/kept'), 'other')
  setOpaque(join(at.upper, 'd'))
  expect(changes(at)).toEqual(['+ d', '- d/gone', '+ d/kept', '+ d/sub', '- d/sub/deep'])
})

test('removals are sorted by the name they hide', () => {
  const at = folders()
  for (const name of ['a', 'b', 'c']) writeFileSync(join(at.lower, name), '')
  makeNode(join(at.upper, 'b'), 'character-device', 0, 0)
  writeFileSync(join(at.upper, 'a'), '1')
  writeFileSync(join(at.upper, 'c'), '1')
  expect(changes(at)).toEqual(['+ a', '- b', '+ c'])
})

test('a directory that became a file is one entry', () => {
  const at = folders()
  mkdirSync(join(at.lower, 'd/e'), { recursive: true })
  writeFileSync(join(at.upper, 'd'), '')
  expect(changes(at)).toEqual(['+ d'])
})

test('a link whose target changed is a change, though all attributes are the same', () => {
  const at = folders()
  symlinkSync('aaa', join(at.lower, 'l'))
  symlinkSync('bbb', join(at.upper, 'l'))
  execFileSync('touch', ['-h', '-r', join(at.lower, 'l'), join(at.upper, 'l')])
  expect(changes(at)).toEqual(['+ l'])
})

test('sockets have no place in a layer', () => {
  const at = folders()
  execFileSync('python3', [
    '-c',
    'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
    join(at.upper, 's'),
  ])
  expect(changes(at)).toEqual([])
})

test('hard links are both told', () => {
  const at = folders()
  writeFileSync(join(at.upper, 'a'), '1')
  linkSync(join(at.upper, 'a'), join(at.upper, 'b'))
  renameSync(join(at.upper, 'b'), join(at.upper, 'c'))
  rmSync(join(at.lower), { recursive: true })
  mkdirSync(at.lower)
  expect(changes(at)).toEqual(['+ a', '+ c'])
})
