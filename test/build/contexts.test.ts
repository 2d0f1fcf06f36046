import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { archiveOf, type SampleEntry } from '../support/archive.ts'
import { Bench } from '../support/bench.ts'
import { GitRepository } from '../support/git-repository.ts'
import { startGitServer } from '../support/git-server.ts'
import { finished, startStave, stave, type Files } from '../support/stave.ts'
import { startWebProxy } from '../support/web-proxy.ts'
import { startWebServer } from '../support/web-server.ts'

const copyAll = 'FROM scratch\nCOPY . /\n'

function contextArchive(entries: readonly SampleEntry[], dockerfile = copyAll): Buffer {
  return archiveOf([{ path: 'Dockerfile', content: dockerfile }, ...entries])
}

function compressed(program: string, bytes: Uint8Array): Buffer {
  return execFileSync(program, ['-c'], { input: bytes })
}

test('a folder that is a file, or missing, is told as such', async () => {
  const bench = new Bench({ file: '' })
  for (const [context, message] of [
    ['file', 'it is no folder'],
    ['missing', 'there is no such folder'],
  ] as const) {
    const { code, stderr } = await bench.try([context])
    expect([code, stderr]).toEqual([1, expect.stringContaining('CONTEXT_INVALID')])
    expect(stderr).toContain(message)
  }
})

describe('standard input as the context', () => {
  for (const program of ['cat', 'gzip', 'bzip2', 'xz', 'zstd']) {
    test(`is an archive, packed with ${program}`, async () => {
      const archive = contextArchive([{ path: 'dir/f', content: 'f', uid: 5, gid: 6, mode: 0o640, mtimeSeconds: 1000 }])
      const bytes = program === 'cat' ? archive : compressed(program, archive)
      const bench = new Bench()
      const tree = await bench.build(['-'], bytes)
      const { uid, gid, mode, mtimeMs } = statSync(join(tree, 'dir/f'))
      expect([uid, gid, mode & 0o7777, mtimeMs]).toEqual([0, 0, 0o640, 1_000_000])
      expect(bench.leftovers()).toEqual([])
    })
  }

  test('is a Dockerfile, and there is nothing to copy', async () => {
    const bench = new Bench({ f: 'not taken' })
    const tree = await bench.build(['-'], 'FROM scratch\nCOPY <<x /x\ntext\nx\n')
    expect(readFileSync(join(tree, 'x'), 'utf8')).toBe('text\n')
    const { code, stderr } = await bench.try(['-'], 'FROM scratch\nCOPY f /\n')
    expect([code, stderr]).toEqual([1, expect.stringContaining('Dockerfile:2:1: COPY_SOURCE_MISSING')])
    expect(stderr).toContain('>> 2 | COPY f /')
  })

  test('is found again in the cache by what it holds', async () => {
    const bench = new Bench()
    const archive = contextArchive([{ path: 'f', content: 'f' }])
    await bench.try(['-'], archive)
    expect((await bench.try(['-'], archive)).stderr).toContain('CACHED')
  })

  test('has its Dockerfile where --file says, in the archive', async () => {
    const archive = contextArchive([
      { path: 'a/other', content: 'FROM scratch\nCOPY f /from-other\n' },
      { path: 'f', content: 'f' },
    ])
    expect(readdirSync(await new Bench().build(['-f', 'a/other', '-'], archive))).toEqual(['from-other'])
    const { code, stderr } = await new Bench({ other: copyAll }).try(['-f', 'other', '-'], archive)
    expect([code, stderr]).toEqual([1, expect.stringContaining('DOCKERFILE_NOT_FOUND')])
  })

  test('is not filtered by an ignore file in it', async () => {
    const archive = contextArchive([{ path: '.dockerignore', content: 'f\n' }, { path: 'f' }])
    expect(readdirSync(await new Bench().build(['-'], archive))).toContain('f')
  })

  test('with a Dockerfile on it, too, leaves no place for --file', async () => {
    const { code, stderr } = await new Bench({ D: copyAll }).try(['-f', 'D', '-'], 'FROM scratch\n')
    expect([code, stderr]).toEqual([2, expect.stringContaining('two Dockerfiles')])
  })

  test('must hold something', async () => {
    const { code, stderr } = await new Bench().try(['-'], '')
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('CONTEXT_INVALID: Cannot build from standard input: it is empty'),
    ])
  })

  test('with a pipe in the place of the Dockerfile is an error, and nobody waits for it', async () => {
    const { code, stderr } = await new Bench().try(['-'], archiveOf([{ path: 'Dockerfile', type: 'fifo' }]))
    expect([code, stderr]).toEqual([1, expect.stringContaining('DOCKERFILE_NOT_FOUND')])
  })

  test('that is cut off is an error', async () => {
    const archive = compressed('gzip', contextArchive([{ path: 'f', content: 'x'.repeat(100_000) }]))
    const { code, stderr } = await new Bench().try(['-'], archive.subarray(0, 200))
    expect([code, stderr]).toEqual([1, expect.stringContaining('ARCHIVE_INVALID')])
  })
})

describe('a hostile archive as the context', () => {
  const outside = '/tmp/stave-hostile-proof'
  const attempts: Readonly<Record<string, readonly SampleEntry[]>> = {
    'names that climb': [{ path: `../../../../../..${outside}`, content: 'evil' }],
    'absolute names': [{ path: outside, content: 'evil' }],
    'a link and a name through it': [
      { path: 'l', type: 'symlink', linkName: '/tmp' },
      { path: 'l/stave-hostile-proof', content: 'evil' },
    ],
    'a link that is replaced by a file through a link': [
      { path: 'a', type: 'symlink', linkName: '..' },
      { path: 'a/b', type: 'symlink', linkName: '/tmp' },
      { path: 'a/b/stave-hostile-proof', content: 'evil' },
    ],
    'a hard link to what is outside': [{ path: 'h', type: 'hardlink', linkName: '/etc/hostname' }],
    'a file through a hard link': [
      { path: 's', type: 'symlink', linkName: outside },
      { path: 'h', type: 'hardlink', linkName: 's' },
      { path: 'h', content: 'evil' },
    ],
  }
  for (const [what, entries] of Object.entries(attempts)) {
    test(`does not get out by ${what}`, async () => {
      const bench = new Bench()
      await bench.try(['-'], contextArchive(entries))
      expect(existsSync(outside)).toBe(false)
      expect(bench.leftovers()).toEqual([])
    })
  }

  test('cannot show a file of this machine as its Dockerfile', async () => {
    const archive = archiveOf([{ path: 'Dockerfile', type: 'symlink', linkName: '/etc/passwd' }])
    const { code, stderr } = await new Bench().try(['-'], archive)
    expect([code, stderr]).toEqual([1, expect.stringContaining('DOCKERFILE_NOT_FOUND')])
  })

  test('cannot have a file of this machine copied', async () => {
    const archive = contextArchive(
      [{ path: 'l', type: 'symlink', linkName: '/etc/passwd' }],
      'FROM scratch\nCOPY l /l\n',
    )
    const { code, stderr } = await new Bench().try(['-'], archive)
    expect([code, stderr]).toEqual([1, expect.stringContaining('COPY_SOURCE_MISSING')])
  })

  test('cannot make devices', async () => {
    const archive = contextArchive([{ path: 'sda', type: 'block-device', deviceMajor: 8, deviceMinor: 0 }])
    const { code, stderr } = await new Bench().try(['-'], archive)
    expect([code, stderr]).toEqual([1, expect.stringContaining('"sda" is a device')])
  })

  test('fails in words for names that no file system takes', async () => {
    for (const path of ['x'.repeat(300), 'd/'.repeat(3000) + 'f']) {
      const { code, stderr } = await new Bench().try(['-'], contextArchive([{ path }]))
      expect(code).toBe(1)
      expect(stderr).not.toContain('bug in stave')
    }
  })
})

describe('the Dockerfile', () => {
  test('may come from standard input beside a folder, whose ignore file counts', async () => {
    const bench = new Bench({ a: 'a', b: 'b', '.dockerignore': 'b\n' })
    expect(readdirSync(await bench.build(['-f', '-', '.'], copyAll))).toEqual(['.dockerignore', 'a'])
  })

  test('may lie outside the context, with an ignore file of its own', async () => {
    const bench = new Bench({
      'ctx/a': '',
      'ctx/b': '',
      'ctx/.dockerignore': 'b\n',
      D: copyAll,
      'D.dockerignore': 'a\n',
    })
    expect(readdirSync(await bench.build(['-f', 'D', 'ctx']))).toEqual(['.dockerignore', 'b'])
  })

  test('may come from a web server', async () => {
    const server = await startWebServer({ '/x/Some.Dockerfile': copyAll, '/bad': 'FROM scratch\nBAD\n' })
    const bench = new Bench({ a: 'a' })
    expect(readdirSync(await bench.build(['-f', `${server.url}/x/Some.Dockerfile`, '.']))).toEqual(['a'])
    const { code, stderr } = await bench.try(['-f', `${server.url}/bad`, '.'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('bad:2:1: INSTRUCTION_UNKNOWN')])
  })

  test('from standard input may be gone with Ctrl-C before it comes', async () => {
    const bench = new Bench()
    const child = startStave(['build', '-f', '-', '.'], { store: bench.store, cwd: bench.cwd, openInput: true })
    const done = finished(child)
    while (!existsSync(join(bench.store, 'v1/tmp'))) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGINT')
    expect((await done).code).toBe(130)
    expect(bench.leftovers()).toEqual([])
  })
})

describe('an ignore file', () => {
  const files = { a: '', b: '', c: '', Dockerfile: copyAll }

  test('may be called .containerignore', async () => {
    const bench = new Bench({ ...files, '.containerignore': 'a\nDockerfile\n' })
    expect(readdirSync(await bench.build(['.']))).toEqual(['.containerignore', 'b', 'c'])
  })

  test('is .dockerignore where both are there', async () => {
    const bench = new Bench({ ...files, '.containerignore': 'a\n', '.dockerignore': 'b\n.*\nDockerfile\n' })
    expect(readdirSync(await bench.build(['.']))).toEqual(['a', 'c'])
  })

  test('is the Dockerfile’s own before either', async () => {
    const ignores = { '.containerignore': 'a\n', '.dockerignore': 'b\n', 'Dockerfile.dockerignore': 'c\n.*\nD*\n' }
    expect(readdirSync(await new Bench({ ...files, ...ignores }).build(['.']))).toEqual(['a', 'b'])
  })
})

describe('a git repository as the context', () => {
  async function served(files: Files): Promise<{ repository: GitRepository; url: string }> {
    const repository = new GitRepository()
    repository.commit(files)
    const { url } = await startGitServer(dirname(repository.path))
    return { repository, url: `${url}/repository.git` }
  }

  test('gives files and Dockerfile, without .git, and not filtered', async () => {
    const { url } = await served({ Dockerfile: copyAll, f: 'f', '.dockerignore': 'f\n' })
    expect(readdirSync(await new Bench().build([url]))).toEqual(['.dockerignore', 'Dockerfile', 'f'])
  })

  test('gives a part of a branch', async () => {
    const { repository, url } = await served({ Dockerfile: 'FROM nowhere\n' })
    repository.git('checkout', '--quiet', '-b', 'topic')
    repository.commit({ 'sub/Dockerfile': copyAll, 'sub/f': 'f' })
    expect(readdirSync(await new Bench().build([`${url}#topic:sub`]))).toEqual(['Dockerfile', 'f'])
    expect(readdirSync(await new Bench().build([`${url}?branch=topic&subdir=sub`]))).toEqual(['Dockerfile', 'f'])
    const { code, stderr } = await new Bench().try([`${url}#topic:none`])
    expect([code, stderr]).toEqual([1, expect.stringContaining('CONTEXT_INVALID')])
  })

  test('keeps .git when BUILDKIT_CONTEXT_KEEP_GIT_DIR says so', async () => {
    const { url } = await served({ Dockerfile: copyAll })
    const args = ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', url]
    expect(readdirSync(await new Bench().build(args))).toEqual(['.git', 'Dockerfile'])
  })

  test('is found again in the cache, and not checked out again', async () => {
    const { url } = await served({ Dockerfile: copyAll, f: 'f' })
    const bench = new Bench()
    await bench.try([url])
    const { stderr } = await bench.try([url])
    expect(stderr).toContain('CACHED')
    expect(stderr).not.toContain('[internal] fetch')
  })

  test('shows no file of this machine as its Dockerfile', async () => {
    const { repository, url } = await served({ f: '' })
    symlinkSync('/etc/passwd', join(repository.path, 'Dockerfile'))
    repository.commit({})
    const { code, stderr } = await new Bench().try([url])
    expect([code, stderr]).toEqual([1, expect.stringContaining('DOCKERFILE_NOT_FOUND')])
  })
})

describe('github.com/OWNER/REPOSITORY as the context', () => {
  const address = 'github.com/owner/repository'

  test('is fetched from there', async () => {
    const { hosts, url } = await startWebProxy('127.0.0.1:1')
    const bench = new Bench()
    const { code, stderr } = await stave(['build', address], {
      store: bench.store,
      cwd: bench.cwd,
      env: { https_proxy: url, no_proxy: '' },
    })
    expect([code, stderr]).toEqual([1, expect.stringContaining(`resolve ${address}`)])
    expect(new Set(hosts)).toEqual(new Set(['github.com:443']))
  })

  test('is a folder where there is one of that name', async () => {
    const bench = new Bench({
      [`${address}/Dockerfile`]: copyAll,
      [`${address}/f`]: '',
      'me@host:x/Dockerfile': copyAll,
    })
    expect(readdirSync(await bench.build([address]))).toEqual(['Dockerfile', 'f'])
    expect(readdirSync(await bench.build(['me@host:x']))).toEqual(['Dockerfile'])
  })
})

describe('a web address as the context', () => {
  test('is an archive', async () => {
    const server = await startWebServer({ '/c.tgz': compressed('gzip', contextArchive([{ path: 'f' }])) })
    const bench = new Bench()
    expect(readdirSync(await bench.build([`${server.url}/c.tgz`]))).toEqual(['Dockerfile', 'f'])
    expect(bench.leftovers()).toEqual([])
  })

  test('is a Dockerfile', async () => {
    const server = await startWebServer({ '/My.Dockerfile': 'FROM scratch\nCOPY <<x /x\nx\n' })
    expect(readdirSync(await new Bench().build([`${server.url}/My.Dockerfile`]))).toEqual(['x'])
  })

  test('that is not there fails the build', async () => {
    const server = await startWebServer({})
    const { code, stderr } = await new Bench().try([`${server.url}/c.tar`])
    expect([code, stderr]).toEqual([1, expect.stringContaining('SOURCE_NOT_FOUND')])
  })
})

test('a program may give the bytes of a context, and of a Dockerfile', () => {
  const bench = new Bench()
  const script = join(bench.root, 'program.mjs')
  writeFileSync(join(bench.root, 'context.tar'), contextArchive([{ path: 'f', content: 'f' }]))
  writeFileSync(
    script,
    `import { createReadStream } from 'node:fs'
import { startBuild } from ${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))}
const outputs = [{ type: 'local', dest: 'out' }]
await startBuild({ context: createReadStream('context.tar'), outputs }).result
async function* stdin() { yield Buffer.from('FROM scratch\\nCOPY <<y /y\\ny\\n') }
await startBuild({ context: '-', outputs }, { stdin: stdin() }).result
`,
  )
  execFileSync(process.execPath, [script], { cwd: bench.root, env: { ...process.env, STAVE_HOME: bench.store } })
  expect(readdirSync(join(bench.root, 'out'))).toEqual(['Dockerfile', 'f', 'y'])
})
