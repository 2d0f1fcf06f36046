import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canMountImages } from '../../executor/erofs/index.ts'
import { makeBaseLayout } from '../support/base-image.ts'
import { inContainer } from '../support/in-container.ts'
import { Project } from '../support/project.ts'
import { build, writeFiles, type Files } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

// A large copy that a step reads is made again from what has changed, where little has.

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

const files: Files = Object.fromEntries(
  Array.from({ length: 400 }, (_, index) => [`files/d${index % 7}/f${index}`, `content of ${index}\n`]),
)

const dockerfile = 'FROM base\nCOPY files /files\nRUN cat /files/d1/f1 > /seen && ls -R /files | wc -l >> /seen\n'

function project(text = dockerfile): Project {
  const made = new Project(base, { Dockerfile: text, ...files })
  change(made, 'ln -s d3/f3 soft; find . -exec touch -h -d @1700000000 {} +')
  return made
}

function change({ context }: Project, script: string): void {
  execFileSync('bash', ['-ec', script], { cwd: join(context, 'files') })
}

/** All that the copy keeps, times too. */
function describeFiles(root: string): readonly string[] {
  const times = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %Ts\n'], { cwd: root, encoding: 'utf8' })
  return [...describeTree(root), ...times.split('\n').sort()]
}

async function expectSameFiles(made: Project): Promise<void> {
  expect(describeFiles(join(await made.buildTree(), 'files'))).toEqual(describeFiles(join(made.context, 'files')))
}

/** Images that large copies have been written to. */
function countImages({ store }: Project): number {
  return readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.erofs')).length
}

const mountsImages = canMountImages(folder.path)

const small: Readonly<Record<string, string>> = {
  'a file': 'echo changed > d1/f1',
  'a file that is replaced, as editors do it': 'echo changed > new && mv new d1/f1',
  'files and directories that are new':
    'mkdir -p d2/a/b && echo 1 > d2/a/b/c && echo 2 > 0 && echo 3 > zz && echo 4 > d4/zz',
  'the mode of a directory, and the time of a file': 'chmod 700 d5 && echo more >> d6/f6 && touch -d @5 d6/f6',
  'a link': 'ln -sfn d4 soft && echo n > n',
}

for (const [what, script] of Object.entries(small)) {
  test(`what has changed is in the image, and all else as it was: ${what}`, async () => {
    const made = project()
    await made.build()
    const before = countImages(made)
    change(made, script)
    await expectSameFiles(made)
    if (mountsImages) expect(countImages(made)).toBe(before)
  })
}

const large: Readonly<Record<string, string>> = {
  'a file that is gone': 'rm d1/f15 && echo changed > d1/f1',
  'a directory that is gone': 'rm -r d6 && echo changed > d1/f1',
  'a file in place of a link': 'rm soft && echo file > soft',
  'a directory in place of a file': 'rm d1/f8 && mkdir d1/f8 && echo x > d1/f8/x',
  'a second name of a file': 'ln d2/f2 d2/hard',
  'more than a few files': 'for file in d3/* d4/*; do echo more >> $file; done',
}

for (const [what, script] of Object.entries(large)) {
  test(`the image has what the context has: ${what}`, async () => {
    const made = project()
    await made.build()
    change(made, script)
    await expectSameFiles(made)
  })
}

test('one change after the other', async () => {
  const made = project()
  await made.build()
  for (const script of ['echo 1 > d1/f1', 'echo 2 > d2/f2', 'echo 3 > d1/f1 && echo new > d3/new', 'rm d3/new']) {
    change(made, script)
    await expectSameFiles(made)
  }
})

test('steps see what has changed', async () => {
  const made = project()
  await made.build()
  change(made, 'echo changed > d1/f1 && echo new > new')
  expect(readFileSync(join(await made.buildTree(), 'seen'), 'utf8')).toBe('changed\n424\n')
})

test('a step whose files are the same again is taken from the cache', async () => {
  const made = project()
  const first = await made.build()
  change(made, 'cp -p d1/f1 saved && mv saved .. && echo changed > d1/f1')
  expect(await made.build()).not.toBe(first)
  change(made, 'mv ../saved d1/f1')
  const again = await made.try()
  expect(again.stderr.match(/CACHED/g)).toHaveLength(3) // the base too
})

test('the whole context, with an ignore file', async () => {
  const made = project('FROM base\nWORKDIR /app\nCOPY . .\nRUN ls /app > /seen\n')
  writeFiles(made.context, { '.dockerignore': 'files/d2\nDockerfile\n' })
  await made.build()
  change(made, 'echo changed > d1/f1 && echo ignored > d2/f2')
  const root = await made.buildTree()
  change(made, 'rm -r d2')
  expect(describeFiles(join(root, 'app/files'))).toEqual(describeFiles(join(made.context, 'files')))
})

test('onto what the base has, with owner and mode', async () => {
  const made = project(`FROM base AS lower
RUN mkdir -p /files/d1 && echo old > /files/d1/f1 && echo kept > /files/d1/kept
FROM lower
COPY --chown=7:8 --chmod=0640 files /files
RUN stat -c '%u %g %a' /files/d1/f1 /files/new > /seen; cat /files/d1/kept >> /seen
`)
  await made.build()
  change(made, 'echo changed > d1/f1 && echo new > new')
  expect(readFileSync(join(await made.buildTree(), 'seen'), 'utf8')).toBe('7 8 640\n7 8 640\nkept\n')
})

test('another stage takes from it, and another format is made of it', async () => {
  const made = project('FROM base AS first\nCOPY files /files\nRUN true\nFROM base\nCOPY --from=first /files /taken\n')
  await made.build()
  change(made, 'echo changed > d1/f1')
  expect(describeFiles(join(await made.buildTree(), 'taken'))).toEqual(describeFiles(join(made.context, 'files')))
  writeFiles(made.context, { Dockerfile: dockerfile })
  await made.build()
  change(made, 'echo changed again > d1/f1')
  await expectSameFiles(made)
  const layout = join(made.root, 'plain')
  await made.build('--output', `type=oci,dest=${layout},tar=false,name=test:latest,compression=uncompressed`)
  const root = unpackWithUmoci(layout, 'latest', join(made.root, 'plain-files'))
  expect(describeFiles(join(root, 'files'))).toEqual(describeFiles(join(made.context, 'files')))
})

test('a later build that may mount nothing finds them all the same', async () => {
  const made = project()
  await made.build()
  change(made, 'echo changed > d1/f1')
  await made.build()
  writeFiles(made.context, { Dockerfile: `${dockerfile}RUN cat /files/d1/f1 /files/d2/f2 > /seen\n` })
  const layout = join(made.root, 'layout')
  const output = ['--output', `type=oci,dest=${layout},tar=false,name=test:latest`]
  await build([...output, ...made.args], { store: made.store, prefix: inContainer })
  const root = unpackWithUmoci(layout, 'latest', join(made.root, 'unpacked'))
  expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('changed\ncontent of 2\n')
})

test('nothing of it is used with --no-cache', async () => {
  const made = project()
  await made.build()
  const before = countImages(made)
  change(made, 'echo changed > d1/f1')
  await made.build('--no-cache')
  if (mountsImages) expect(countImages(made)).toBe(before + 1)
})
