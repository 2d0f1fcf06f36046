import { execFileSync } from 'node:child_process'
import { statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Bench } from '../support/bench.ts'
import { GitRepository } from '../support/git-repository.ts'
import { startGitServer } from '../support/git-server.ts'
import { inspectConfig, Project } from '../support/project.ts'
import { build, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { unpackWithUmoci } from '../support/tree.ts'
import { startWebServer, type Page } from '../support/web-server.ts'

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

const dated = 'FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL time=${SOURCE_DATE_EPOCH-none}\nCOPY f /\n'
const fromContext = ['--build-arg', 'SOURCE_DATE_EPOCH=context']
const epochDate = 'Tue, 14 Nov 2023 22:13:20 GMT'

/** Times that the image tells of itself, as skopeo reads them, and that of its file, as umoci unpacks it. */
async function timesOf(bench: Bench, args: readonly string[], input?: Uint8Array) {
  const layout = join(bench.root, 'layout')
  const output = ['--output', `type=oci,dest=${layout},tar=false,name=test:latest`]
  const { code, stderr } = await bench.try([...output, ...args], input)
  if (code !== 0) throw new Error(stderr)
  const { created, history, config } = inspectConfig(layout)
  const file = join(unpackWithUmoci(layout, 'latest', join(bench.root, 'unpacked')), 'f')
  return {
    created,
    history: [...new Set(history.map((entry) => entry.created))],
    label: (config['Labels'] as Record<string, string>)['time'],
    fileSeconds: Math.floor(statSync(file).mtimeMs / 1000),
    stderr,
  }
}

const atEpoch = { created: epochText, history: [epochText], label: String(epoch) }

/** What GNU tar makes of a context whose file was changed at the epoch, and whose directory later. */
function archiveAtEpoch(): Buffer {
  const context = writeFiles(join(temporaryFolder(), 'context'), { Dockerfile: dated, f: 'f', 'later/': '' })
  for (const [name, seconds] of [
    ['Dockerfile', 1000],
    ['f', epoch],
    ['later', epoch + 5000],
  ] as const)
    utimesSync(join(context, name), seconds, seconds)
  return execFileSync('tar', ['-c', '-C', context, '.'])
}

/** A repository with a file and a Dockerfile, committed at the epoch by someone who wrote it earlier. */
async function serveRepository(): Promise<string> {
  const repository = new GitRepository()
  writeFiles(repository.path, { Dockerfile: dated, f: 'f' })
  repository.git('add', '--all')
  execFileSync(
    'git',
    ['-C', repository.path, '-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-qm', 'c'],
    {
      env: { ...process.env, GIT_COMMITTER_DATE: `${epoch} +0500`, GIT_AUTHOR_DATE: '1600000000 +0000' },
    },
  )
  return `${(await startGitServer(dirname(repository.path))).url}/repository.git`
}

function pageOf(body: Uint8Array | string, lastModified?: string): Page {
  return (_, response) => {
    if (lastModified !== undefined) response.setHeader('last-modified', lastModified)
    response.end(body)
  }
}

describe('SOURCE_DATE_EPOCH=context', () => {
  test('is the time of the commit of a git repository, and of its files', async () => {
    const bench = new Bench()
    const address = await serveRepository()
    expect(await timesOf(bench, [...fromContext, address])).toMatchObject({ ...atEpoch, fileSeconds: epoch })
    expect(bench.leftovers()).toEqual([])
  })

  test('leaves the files of a repository alone whose address says which time they get', async () => {
    const { fileSeconds, ...image } = await timesOf(new Bench(), [
      ...fromContext,
      `${await serveRepository()}?mtime=checkout`,
    ])
    expect(image).toMatchObject(atEpoch)
    expect(fileSeconds).not.toBe(epoch)
  })

  test('is the time of the newest file of an archive on standard input, not of its directories', async () => {
    const bench = new Bench()
    expect(await timesOf(bench, [...fromContext, '-'], archiveAtEpoch())).toMatchObject(atEpoch)
    expect(bench.leftovers()).toEqual([])
  })

  test('is what the server says of an archive, else the time of its newest file', async () => {
    const archive = execFileSync('gzip', ['-c'], { input: archiveAtEpoch() })
    const late = pageOf(archive, 'Tue, 14 Nov 2023 22:13:21 GMT')
    const { url } = await startWebServer({ '/said.tgz': late, '/unsaid.tgz': pageOf(archive) })
    expect(await timesOf(new Bench(), [...fromContext, `${url}/unsaid.tgz`])).toMatchObject(atEpoch)
    expect(await timesOf(new Bench(), [...fromContext, `${url}/said.tgz`])).toMatchObject({ label: String(epoch + 1) })
  })

  test('is left out for a folder, which is told', async () => {
    const bench = new Bench({ 'c/Dockerfile': dated, 'c/f': '' })
    const { label, stderr } = await timesOf(bench, [...fromContext, 'c'])
    expect(label).toBe('none')
    expect(stderr).toContain('SOURCE_DATE_EPOCH=context is left out')
  })

  test('is found without git when the step is known', async () => {
    const bench = new Bench()
    const address = await serveRepository()
    const digests = [await bench.try([...fromContext, address]), await bench.try([...fromContext, address])]
    expect(digests[1]?.stdout).toBe(digests[0]?.stdout)
    expect(digests[1]?.stderr).not.toContain('[internal] fetch')
  })
})

describe('SOURCE_DATE_EPOCH that names', () => {
  test('a named context is the time of that', async () => {
    const { url } = await startWebServer({ '/page': pageOf('text', epochDate) })
    for (const address of [`${url}/page`, await serveRepository()]) {
      const bench = new Bench({ 'c/Dockerfile': `ARG SOURCE_DATE_EPOCH=lib\n${dated}`, 'c/f': '' })
      expect(await timesOf(bench, ['--build-context', `lib=${address}`, 'c'])).toMatchObject(atEpoch)
    }
  })

  test('a stage of one ADD is the time of what that adds', async () => {
    const archive = archiveAtEpoch()
    const { url } = await startWebServer({ '/said': pageOf('text', epochDate), '/unsaid.tar': pageOf(archive) })
    for (const address of [`${url}/said`, `${url}/unsaid.tar`, await serveRepository()]) {
      const stage = `FROM scratch AS lib\nARG ADDRESS\nADD $ADDRESS /\n`
      const bench = new Bench({ 'c/Dockerfile': `ARG SOURCE_DATE_EPOCH=lib\n${stage}${dated}`, 'c/f': '' })
      expect(await timesOf(bench, ['--build-arg', `ADDRESS=${address}`, 'c'])).toMatchObject(atEpoch)
    }
  })

  test('a stage whose file has no time is left out', async () => {
    const { url } = await startWebServer({ '/page': pageOf('no archive') })
    const text = `ARG SOURCE_DATE_EPOCH=lib\nFROM scratch AS lib\nADD ${url}/page /\n${dated}`
    expect(await timesOf(new Bench({ 'c/Dockerfile': text, 'c/f': '' }), ['c'])).toMatchObject({ label: 'none' })
  })

  test('what cannot be had fails at its line', async () => {
    const { url } = await startWebServer({})
    const text = `ARG SOURCE_DATE_EPOCH=lib\nFROM scratch AS lib\nADD ${url}/page /\nFROM scratch\nLABEL a=b\n`
    const { code, stderr } = await new Bench({ 'c/Dockerfile': text }).try(['c'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('Dockerfile:3:5: SOURCE_NOT_FOUND')])
  })
})
