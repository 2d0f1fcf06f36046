import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CopyAction } from '../../core/ops.ts'
import { copyAction } from '../../test/support/copy-action.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { packChanges, packLayer } from '../diff/pack-layer.ts'
import { applyFileActions, findRecipe, type FilesRequest, type FilesSource } from '../ops/files.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { LayerFolder } from './layer-folder.ts'

interface Scenario {
  /** Script that makes the layer below, in its folder. */
  readonly lower?: string
  /** Script that makes what is copied. */
  readonly source: string
  readonly copies: readonly Partial<CopyAction>[]
  readonly from?: 'context' | 'stage'
}

const plainCopy = copyAction({ sources: ['/'], destination: '/app/' })

function folderOf(root: string, name: string, script: string): string {
  const folder = join(root, name)
  mkdirSync(folder)
  execFileSync('bash', ['-ec', script], { cwd: folder })
  return folder
}

async function both({ lower, source, copies, from = 'context' }: Scenario) {
  const root = temporaryFolder()
  const layers = lower === undefined ? [] : [folderOf(root, 'lower', lower)]
  const origin = folderOf(root, 'source', source)
  const reader: FilesSource =
    from === 'context'
      ? { reader: new ContextTree(origin, []), keepsOwner: false }
      : { reader: new LayeredTree([origin]), keepsOwner: true }
  const actions = copies.map((copy) => ({ ...plainCopy, ...copy }))
  const request: FilesRequest = { op: { type: 'files', actions }, sources: [reader], nowNs: 1_700_000_000_000_000_000n }
  const written = join(root, 'written')
  mkdirSync(written)
  await applyFileActions(request, new LayerFolder(written, layers, request.nowNs))
  const recipe = await findRecipe(request, new LayeredTree(layers))
  return {
    written: await packLayer(written, layers, join(root, 'written.tar'), plain),
    noted: recipe && (await packChanges(recipe.changes(), join(root, 'noted.tar'), plain)),
  }
}

const plain = { compression: { type: 'uncompressed' } } as const

const files = 'mkdir -p d/e; echo 1 > a; echo 2 > d/b; echo 3 > d/e/c; chmod 600 a; chmod 700 d; ln -s ../a d/link'

const alike: Readonly<Record<string, Scenario>> = {
  'a folder, to nothing': { source: files, copies: [{}] },
  'a folder, to one that is there': { lower: 'mkdir -pm 711 app', source: files, copies: [{}] },
  'a folder, below folders that are there': {
    lower: 'mkdir -pm 711 usr/lib; chown 5:6 usr',
    source: files,
    copies: [{ destination: '/usr/lib/x/y/' }],
  },
  'a folder, through a link to a folder': {
    lower: 'mkdir -p usr/lib; ln -s usr/lib lib',
    source: files,
    copies: [{ destination: '/lib/app/' }],
  },
  'beside what is there': { lower: 'mkdir app; echo x > app/z; echo y > app/0', source: files, copies: [{}] },
  'a file, under another name': { source: files, copies: [{ sources: ['/a'], destination: '/etc/b' }] },
  'several files': { source: files, copies: [{ sources: ['/a', '/d/b'] }] },
  'several folders into one': { source: 'mkdir a b; echo 1 > a/x; echo 2 > b/w', copies: [{ sources: ['/a', '/b'] }] },
  'with an owner and a mode': {
    source: files,
    copies: [{ owner: { user: '7', group: '8' }, mode: { kind: 'symbolic', text: 'go=rX' } }],
  },
  'with an owner by name': {
    lower: 'mkdir etc; echo app:x:7:8::/:/bin/sh > etc/passwd',
    source: files,
    copies: [{ owner: { user: 'app', group: undefined } }],
  },
  'without what is excluded': { source: files, copies: [{ excludes: ['**/b'] }] },
  'with the parents of the source': { source: files, copies: [{ sources: ['/d/e/c'], parents: true }] },
  'files with several names': { source: 'echo 1 > a; ln a b; mkdir d; ln a d/c', copies: [{}] },
  'one file of several names': { source: 'echo 1 > a; ln a b', copies: [{ sources: ['/a'] }] },
  'two names of one file as two sources': { source: 'echo 1 > a; ln a b', copies: [{ sources: ['/a', '/b'] }] },
  'pipes and devices': { source: 'mkfifo p; mknod c c 1 3', copies: [{}] },
  'files of a stage, with owners and capabilities': {
    from: 'stage',
    source: 'echo 1 > a; chown 7:8 a; chmod 4755 a; setfattr -n user.x -v y a; mkdir d; chown 9 d; echo > d/b',
    copies: [{}],
  },
  'nothing, to a folder that is there': { lower: 'mkdir app', source: 'true', copies: [{}] },
  'nothing, to a folder that is not': { source: 'true', copies: [{}] },
  'twice, to different places': { source: files, copies: [{}, { destination: '/b/', sources: ['/d'] }] },
  'names in every order': { source: 'mkdir a a.b "a b"; touch a/z a.b/y "a b/x" a-b é Z', copies: [{}] },
  'the root itself': { lower: 'mkdir bin; touch bin/sh', source: files, copies: [{ destination: '/' }] },
}

describe('what is copied, written first or packed as it lies, makes the same archive', () => {
  test.each(Object.entries(alike))('%s', async (_, scenario) => {
    const { written, noted } = await both(scenario)
    expect(noted).toEqual(written)
  })
})

const different: Readonly<Record<string, Scenario>> = {
  'replaces a file': { lower: 'mkdir app; echo x > app/a', source: files, copies: [{}] },
  'merges with a folder': { lower: 'mkdir -p app/d', source: files, copies: [{}] },
  'overwrites what was copied before': { source: files, copies: [{}, {}] },
}

test.each(Object.entries(different))('a copy that %s has to be written', async (_, scenario) => {
  expect((await both(scenario)).noted).toBeUndefined()
})
