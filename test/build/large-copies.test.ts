import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { inContainer } from '../support/in-container.ts'
import { Project } from '../support/project.ts'
import { build, writeFiles, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

// Copies of more than some two hundred files that a step reads: where the machine can, they are never written as files.

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const files: Files = Object.fromEntries(
  Array.from({ length: 400 }, (_, index) => [`files/d${index % 7}/f${index}`, `content of ${index}`]),
)

function project(dockerfile: string): Project {
  const made = new Project(base, { Dockerfile: dockerfile, ...files })
  const place = (name: string) => join(made.context, 'files', name)
  chmodSync(place('d1/f1'), 0o4750)
  linkSync(place('d2/f2'), place('hard'))
  symlinkSync('d3/f3', place('soft'))
  execFileSync('mkfifo', [place('pipe')])
  return made
}

test('the files are in the image as they are in the context', async () => {
  const made = project('FROM base\nCOPY files /files\nRUN cat /files/d1/f1 > /seen\n')
  const root = await made.buildTree()
  const copied = describeTree(join(root, 'files'))
  expect(copied).toEqual(describeTree(join(made.context, 'files')))
  expect(copied).toContain('same file: d2/f2 hard')
})

test('a step sees them, and changes and removes them', async () => {
  const made = project(`FROM base
COPY files /files
RUN cat /files/soft /files/hard > /seen && rm -r /files/d4 && echo more >> /files/d5/f5 && rm /files/d6/f6
RUN ls /files > /left
`)
  const root = await made.buildTree()
  expect(execFileSync('cat', ['seen', 'files/d5/f5'], { cwd: root, encoding: 'utf8' })).toBe(
    'content of 3content of 2content of 5more\n',
  )
  expect(readdirSync(join(root, 'files')).sort().join(' ')).toBe('d0 d1 d2 d3 d5 d6 hard pipe soft')
  expect(readdirSync(join(root, 'files/d6'))).not.toContain('f6')
})

test('another stage takes them, with their owner', async () => {
  const made = project(`FROM base AS first
COPY --chown=7:8 files /files
RUN rm /files/pipe
FROM base
COPY --from=first /files/d1 /taken
`)
  const root = await made.buildTree()
  expect(readdirSync(join(root, 'taken'))).toHaveLength(57)
  const { uid, gid, mode } = lstatSync(join(root, 'taken/f1'))
  expect([uid, gid, (mode & 0o7777).toString(8)]).toEqual([7, 8, '4750'])
})

test('a file that is copied over one of them replaces it', async () => {
  const made = project('FROM base\nCOPY files /files\nCOPY files/d0/f7 /files/d1/f1\nRUN cat /files/d1/f1 > /seen\n')
  expect(readFileSync(join(await made.buildTree(), 'seen'), 'utf8')).toBe('content of 7')
})

test('a later build that may mount nothing finds them all the same', async () => {
  const made = project('FROM base\nCOPY files /files\nRUN cat /files/d1/f1 > /seen\n')
  await made.build()
  const dockerfile = 'FROM base\nCOPY files /files\nRUN cat /files/d2/f2 > /seen && ls /files/d1 | wc -l >> /seen\n'
  writeFiles(made.context, { Dockerfile: dockerfile })
  const layout = join(made.root, 'layout')
  const output = ['--output', `type=oci,dest=${layout},tar=false,name=test:latest`]
  await build([...output, ...made.args], { store: made.store, prefix: inContainer })
  const root = unpackWithUmoci(layout, 'latest', join(made.root, 'unpacked'))
  expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('content of 257\n')
})
