import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFactStore } from '../../cache/facts/index.ts'
import { GraphBuilder, vertexOf } from '../../core/graph.ts'
import { usualCompression } from '../../core/layer-compression.ts'
import type { ContextOp, FilesOp } from '../../core/ops.ts'
import { copyAction } from '../../test/support/copy-action.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { PackFilesCall } from '../process/protocol.ts'
import { threadCalls } from '../process/calls.ts'
import { ContextFolders } from '../sources/context-folders.ts'
import { RememberedTree } from '../tree/remembered-tree.ts'
import { emptyTree } from '../tree/tree-reader.ts'
import { findSmallSources, packHere } from './small-copies.ts'

const context: ContextOp = { type: 'context', name: 'context', ignore: [], unkeyed: { ignoreFile: undefined } }
const copyAll = copyAction({ sources: ['/'], destination: '/app/' })

/** A step that copies a context of so many files, with what the files themselves are found by, and a call to pack them. */
function setting({ files = 1, sizeBytes = 10, action = copyAll, lower = [] as string[] } = {}) {
  const root = temporaryFolder()
  const folder = join(root, 'context')
  mkdirSync(folder)
  for (let index = 0; index < files; index++) writeFileSync(join(folder, `file${index}`), 'x'.repeat(sizeBytes))
  const contexts = new ContextFolders(
    new Map([['context', { path: folder, isLasting: true }]]),
    openFactStore(join(root, 'facts')),
  )
  const graph = new GraphBuilder()
  const op: FilesOp = { type: 'files', actions: [action] }
  const inputs = [{ type: 'scratch' } as const, context].map((input) => graph.add(input, [], { name: input.type }))
  const vertex = vertexOf(graph.graph(), graph.add(op, inputs, { name: 'COPY' }))
  const call: PackFilesCall = {
    op,
    lower,
    sources: [{ kind: 'context', root: folder, ignore: [] }],
    path: join(root, 'blob'),
    compression: usualCompression,
    nowNs: 1_700_000_000_000_000_000n,
  }
  return { root, folder, call, sources: findSmallSources(graph.graph(), vertex, contexts) ?? [] }
}

test('a copy of few files makes here what it makes in the executor', async () => {
  const { root, call, sources } = setting({ files: 3 })
  const there = await threadCalls.packFiles({ ...call, path: join(root, 'there') })
  expect(await packHere(call, sources, emptyTree)).toEqual(there?.packed)
})

test('a copy of many files, or of large ones, is left to the executor', () => {
  const some = setting({ files: 200, action: { ...copyAll, wildcards: false, sources: ['file0', 'file1'] } })
  expect([some.sources.length, setting({ files: 201 }).sources, setting({ sizeBytes: 5e6 }).sources]).toEqual([
    1,
    [],
    [],
  ])
})

test('where more of the tree below is asked for than is known here, the executor has to look', async () => {
  const { call, sources } = setting({ lower: [temporaryFolder()] })
  const nothing = new RememberedTree({ entries: [], targets: [], xattrs: [] })
  expect([sources.length, await packHere(call, sources, nothing), existsSync(call.path)]).toEqual([1, undefined, false])
})

test('what only a folder can be is left to the executor', async () => {
  const { call, sources } = setting({ action: { ...copyAll, unpack: 'auto' } })
  expect(await packHere(call, sources, emptyTree)).toBeUndefined()
})

for (const [what, change] of Object.entries<(path: string) => void>({
  'is gone': (path) => rmSync(path),
  'is shorter': (path) => truncateSync(path, 1),
})) {
  test(`a file that ${what} since it was looked at is left to the executor, which looks anew`, async () => {
    const { folder, call, sources } = setting()
    sources[0]?.reader.lstat('file0')
    change(join(folder, 'file0'))
    expect([await packHere(call, sources, emptyTree), existsSync(call.path)]).toEqual([undefined, false])
  })
}
