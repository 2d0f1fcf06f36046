import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { usualCompression } from '../../core/layer-compression.ts'
import { copyAction } from '../../test/support/copy-action.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeNode, setXattr } from '../linux/index.ts'
import { ContextTree } from '../sources/context-tree.ts'
import { LayeredTree, setOpaque } from '../tree/layered-tree.ts'
import { NotRemembered, RecordedTree, RememberedTree, type TreeAnswers } from '../tree/remembered-tree.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { packFiles } from './pack-files.ts'

/** Two layers with all that a copy may meet below it. */
function makeLayers(): readonly string[] {
  const root = temporaryFolder()
  const [lower, upper] = [join(root, 'lower'), join(root, 'upper')]
  for (const path of ['usr/lib', 'private', 'gone/away', 'opaque/below', 'marked'])
    mkdirSync(join(lower, path), { recursive: true })
  for (const path of ['file', 'opaque/hidden', 'opaque/below/x', 'gone/file']) writeFileSync(join(lower, path), 'below')
  chmodSync(join(lower, 'private'), 0o1710)
  setXattr(join(lower, 'marked'), 'user.mark', Buffer.from('yes'))
  for (const path of ['opaque', 'gone']) mkdirSync(join(upper, path), { recursive: true })
  setOpaque(join(upper, 'opaque'))
  for (const [path, target] of [
    ['lib', 'usr/lib'],
    ['up', '../../../usr'],
    ['nowhere', '/not/there'],
    ['self', 'self'],
    ['to-file', 'file'],
  ] as const)
    symlinkSync(target, join(upper, path))
  if (process.getuid?.() === 0) {
    chownSync(join(lower, 'private'), 7, 8)
    for (const path of ['gone/away', 'gone/file']) makeNode(join(upper, path), 'character-device', 0, 0)
  }
  return [lower, upper]
}

function setting(destination: string, names: readonly string[] = ['f', 'd', 'd/g']) {
  const root = temporaryFolder()
  for (const name of names) {
    if (name === 'd') mkdirSync(join(root, name), { mode: 0o750 })
    else writeFileSync(join(root, name), `content of ${name}`)
  }
  const pack = async (tree: TreeReader) => {
    const sources = [{ reader: new ContextTree(root, []), keepsOwner: false }]
    const op = { type: 'files', actions: [copyAction({ sources: ['/'], destination })] } as const
    const path = join(temporaryFolder(), 'blob')
    const packing = packFiles({ op, sources, nowNs: 1_700_000_000_000_000_000n }, tree, path, {
      compression: usualCompression,
    })
    return packing.catch((error: unknown) => error)
  }
  return { root, pack }
}

test.each([
  ['a directory', '/usr/lib/'],
  ['the root', '/'],
  ['a directory with a mode and an owner of its own', '/private/'],
  ['a directory with attributes', '/marked'],
  ['parents that are not there', '/new/deep/er/'],
  ['a link to a directory', '/lib/'],
  ['a place behind a link', '/lib/more/'],
  ['a link that would lead out', '/up/lib/'],
  ['a link to nothing', '/nowhere/'],
  ['a link to itself', '/self/'],
  ['a file', '/file'],
  ['a link to a file', '/to-file/'],
  ['a place below a file', '/file/x/'],
  ['a directory that an upper layer took away', '/gone/away/'],
  ['a file that an upper layer took away', '/gone/file'],
  ['a directory whose lower files are hidden', '/opaque/'],
  ['one that is hidden', '/opaque/below/'],
])('a copy onto %s packs the same from what it was told before', async (_, destination) => {
  const layers = makeLayers()
  const { root, pack } = setting(destination)
  const recorded = new RecordedTree(new LayeredTree(layers))
  expect(await pack(recorded)).toEqual(await pack(new LayeredTree(layers)))

  const answers = JSON.parse(JSON.stringify(recorded.answers)) as TreeAnswers
  writeFileSync(join(root, 'f'), 'changed')
  writeFileSync(join(root, 'd/g'), 'changed, too')
  expect(await pack(new RememberedTree(answers))).toEqual(await pack(new LayeredTree(layers)))
})

test('a copy that asks for more than was told before does not pack', async () => {
  const { root, pack } = setting('/usr/')
  const recorded = new RecordedTree(new LayeredTree(makeLayers()))
  await pack(recorded)
  writeFileSync(join(root, 'lib'), 'where a directory is')
  expect(await pack(new RememberedTree(recorded.answers))).toBeInstanceOf(NotRemembered)
})

test('names that are members of every object are paths like others', async () => {
  const { pack } = setting('/', ['__proto__', 'constructor'])
  const recorded = new RecordedTree(new LayeredTree(makeLayers()))
  const there = await pack(recorded)
  const answers = JSON.parse(JSON.stringify(recorded.answers)) as TreeAnswers
  expect(await pack(new RememberedTree(answers))).toEqual(there)
  expect(there).toHaveProperty('diffId')
})
