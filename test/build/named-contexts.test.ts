import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Bench } from '../support/bench.ts'
import { GitRepository } from '../support/git-repository.ts'
import { startGitServer } from '../support/git-server.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { cachedSteps, doneSteps } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer } from '../support/web-server.ts'

const folder = openTemporaryFolder()
let base: string
let registry: TestRegistry

beforeAll(async () => {
  base = makeBaseLayout(folder.path)
  registry = await startRegistry()
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8')

describe('a named context', () => {
  test('that is a folder stands in for a stage, an image, and what COPY takes from', async () => {
    const bench = new Bench({
      'c/Dockerfile': `FROM nowhere AS stage\nRUN never\nFROM stage\nCOPY --from=nowhere.example/image:1 f /image\nCOPY --from=plain f /plain\n`,
      'stage/s': 'stage',
      'other/f': 'other',
    })
    const named = ['stage=stage', 'nowhere.example/image:1=other', 'plain=other'].flatMap((spec) => [
      '--build-context',
      spec,
    ])
    const tree = await bench.build([...named, 'c'])
    expect([read(tree, 's'), read(tree, 'image'), read(tree, 'plain')]).toEqual(['stage', 'other', 'other'])
  })

  test('that is a folder has an ignore file of its own', async () => {
    const bench = new Bench({
      'c/Dockerfile': 'FROM scratch\nCOPY --from=n . /\n',
      'c/.dockerignore': 'a\n',
      'n/a': '',
      'n/b': '',
      'n/.dockerignore': 'b\n.*\n',
    })
    expect(readdirSync(await bench.build(['--build-context', 'n=n', 'c']))).toEqual(['a'])
  })

  test('that is a git repository gives what the address says, and is not filtered', async () => {
    const repository = new GitRepository()
    repository.commit({ 'sub/f': 'f', 'sub/.dockerignore': 'f\n', other: '' })
    const { url } = await startGitServer(dirname(repository.path))
    const bench = new Bench({ Dockerfile: 'FROM scratch\nCOPY --from=n . /\n' })
    const tree = await bench.build(['--build-context', `n=${url}/repository.git#main:sub`, '.'])
    expect(readdirSync(tree)).toEqual(['.dockerignore', 'f'])
  })

  test('that is a URL gives one file, as ADD would', async () => {
    const server = await startWebServer({ '/a/tool.tar': 'tool' })
    const bench = new Bench({ Dockerfile: 'FROM scratch\nCOPY --from=n . /d/\nCOPY --from=n tool.tar /t\n' })
    const tree = await bench.build(['--build-context', `n=${server.url}/a/tool.tar`, '.'])
    expect([readdirSync(join(tree, 'd')), read(tree, 't')]).toEqual([['tool.tar'], 'tool'])
    expect(statSync(join(tree, 't')).mode & 0o7777).toBe(0o600)
    expect(bench.leftovers()).toEqual([])
  })

  test('that nobody takes from is not fetched', async () => {
    const server = await startWebServer({})
    const bench = new Bench({ Dockerfile: 'FROM scratch\nCOPY <<x /x\nx\n' })
    await bench.build(['--build-context', `n=${server.url}/x`, '--build-context', `g=${server.url}/x.git`, '.'])
    expect(server.requests).toEqual([])
  })

  test('for one platform goes before the one for all', async () => {
    const bench = new Bench({
      Dockerfile:
        'FROM --platform=linux/arm64 n AS arm\nFROM --platform=linux/amd64 n AS amd\nFROM scratch\nCOPY --from=arm f /arm\nCOPY --from=amd f /amd\n',
      'arm/f': 'arm',
      'all/f': 'all',
    })
    const tree = await bench.build(['--build-context', 'n=all', '--build-context', 'n::linux/arm64=arm', '.'])
    expect([read(tree, 'arm'), read(tree, 'amd')]).toEqual(['arm', 'all'])
  })

  test('that is an image gives its config to what starts from it', async () => {
    const bench = new Bench({ Dockerfile: 'FROM alpine:3\nRUN cat /etc/motd > /out\n' })
    const tree = await bench.build(['--build-context', `alpine:3=oci-layout://${base}:base`, '.'])
    expect(read(tree, 'out')).toBe('second layer\n')
  })

  test('of an unknown kind is refused', async () => {
    const { code, stderr } = await new Bench({ Dockerfile: 'FROM n\n' }).try(['--build-context', 'n=target:x://y', '.'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('Cannot use context "n"')])
  })
})

describe('an image that is in the local store', () => {
  test('is taken from there, unless --pull asks the registry', async () => {
    const name = `${registry.host}/pulled:1`
    const skopeo = (tag: string): void => {
      execFileSync('skopeo', ['copy', '--dest-tls-verify=false', `oci:${base}:${tag}`, `docker://${name}`], {
        stdio: 'pipe',
      })
    }
    skopeo('base')
    const bench = new Bench({
      'local/Dockerfile': 'FROM scratch\nCOPY <<x /local\nx\n',
      'c/Dockerfile': `FROM ${name}\n`,
    })
    const { code } = await bench.try(['-t', name, 'local'])
    expect(code).toBe(0)
    expect(readdirSync(await bench.build(['c']))).toEqual(['local'])
    expect(readdirSync(await bench.build(['--pull', 'c']))).toContain('bin')
  })
})

describe('--no-cache-filter', () => {
  test('carries out the steps of its stages alone', async () => {
    const bench = new Bench({
      Dockerfile: `FROM scratch AS one\nCOPY a /a\nFROM scratch AS two\nCOPY b /b\nFROM scratch\nCOPY --from=one /a /\nCOPY --from=two /b /\n`,
      a: '',
      b: '',
    })
    await bench.build(['.'])
    const { stderr } = await bench.try(['--no-cache-filter', 'ONE,three', '.'])
    expect(doneSteps(stderr)).toEqual(['[one 1/1] COPY a /a'])
    expect(cachedSteps(stderr)).toContain('[two 1/1] COPY b /b')
    expect(stderr).toContain('--no-cache-filter names stages that are not there: three\n')
  })
})
