import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project } from '../support/project.ts'
import { build } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
const epoch = 1_700_000_000
const epochText = '2023-11-14T22:13:20Z'
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(): Project {
  return new Project(base, { Dockerfile: 'FROM base\nLABEL a=b\nWORKDIR /new/deep\nCOPY f .\n', f: '' })
}

test('SOURCE_DATE_EPOCH is the time of the image and of its own history, not of the base’s', async () => {
  const { created, history } = await project().buildConfig('--build-arg', `SOURCE_DATE_EPOCH=${epoch}`)
  expect(created).toBe(epochText)
  const own = history.filter(({ comment }) => comment === 'buildkit.dockerfile.v0')
  expect(own.map((entry) => entry.created)).toEqual([epochText, epochText, epochText])
  expect(history[0]?.created).not.toBe(epochText)
})

test('SOURCE_DATE_EPOCH is the time of directories that WORKDIR makes, not of files that are copied', async () => {
  const tree = await project().buildTree('--build-arg', `SOURCE_DATE_EPOCH=${epoch}`)
  const seconds = (path: string): number => Math.floor(statSync(join(tree, path)).mtimeMs / 1000)
  expect(seconds('new')).toBe(epoch)
  expect(seconds('new/deep/f')).not.toBe(epoch)
})

test('without a build argument, the environment variable counts, and two builds give one image', async () => {
  const dockerfile = { Dockerfile: 'FROM scratch\nLABEL a=b\nWORKDIR /w\n' }
  const digests = [new Project(base, dockerfile), new Project(base, dockerfile)].map((at) =>
    build(at.args, { store: at.store, env: { SOURCE_DATE_EPOCH: String(epoch) } }),
  )
  const [first, second] = await Promise.all(digests)
  expect(first).toBe(second)
})
