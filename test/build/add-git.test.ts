import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GitRepository } from '../support/git-repository.ts'
import { prepareForDumbServers, startGitDaemon, startGitServer, type GitServerOptions } from '../support/git-server.ts'
import { Project } from '../support/project.ts'
import { startSshAgent, startSshServer } from '../support/ssh-server.ts'
import { cachedSteps, doneSteps, stave, type Files } from '../support/stave.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer } from '../support/web-server.ts'

function project(dockerfile: string, files: Files = {}): Project {
  return new Project('/none', { Dockerfile: dockerfile, ...files })
}

interface Served {
  readonly repository: GitRepository
  /** Address of the repository. */
  readonly url: string
  readonly requests: readonly string[]
}

async function serve(options: GitServerOptions = {}, repository = new GitRepository()): Promise<Served> {
  const { url, requests } = await startGitServer(dirname(repository.path), options)
  return { repository, url: `${url}/repository.git`, requests }
}

const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8')

describe('a git repository', () => {
  test('gives its files as root’s, with plain modes, and without .git', async () => {
    const { repository, url } = await serve()
    repository.commit({ 'a.txt': 'a', 'bin/run': ['run', 0o755], private: ['p', 0o600] })
    symlinkSync('a.txt', join(repository.path, 'link'))
    repository.commit({})
    const tree = await project(`FROM scratch\nADD ${url} /src\n`).buildFiles()
    expect(readdirSync(join(tree, 'src'))).toEqual(['a.txt', 'bin', 'link', 'private'])
    const look = (path: string): string => {
      const { mode, uid, gid } = lstatSync(join(tree, 'src', path))
      return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`
    }
    expect(['a.txt', 'bin', 'bin/run', 'private'].map(look)).toEqual(['644 0:0', '755 0:0', '755 0:0', '644 0:0'])
    expect(readlinkSync(join(tree, 'src/link'))).toBe('a.txt')
  })

  test('gives what a branch, a tag, an annotated tag or a commit stands for', async () => {
    const { repository, url } = await serve()
    const first = repository.commit({ f: 'first' })
    repository.git('tag', 'light')
    repository.commit({ f: 'second' })
    repository.git('tag', '--annotate', '--message', 'm', 'annotated')
    repository.git('branch', 'topic/x')
    repository.commit({ f: 'third' })
    const adds = ['light', 'annotated', 'topic/x', 'refs/heads/main', 'refs/tags/light', first]
      .map((name, index) => `ADD ${url}#${name} /${index}/`)
      .join('\n')
    const tree = await project(`FROM scratch\n${adds}\nADD ${url} /head/\n`).buildFiles()
    expect([0, 1, 2, 3, 4, 5, 'head'].map((place) => read(tree, String(place), 'f'))).toEqual([
      'first',
      'second',
      'second',
      'third',
      'first',
      'first',
      'third',
    ])
  })

  test('takes the query form, and a part of the tree', async () => {
    const { repository, url } = await serve()
    const commit = repository.commit({ 'docs/a': 'a', 'docs/b/c': 'c', other: '' })
    repository.git('tag', 'v1')
    const tree = await project(`FROM scratch
ADD ${url}#v1:docs /1/
ADD ${url}?tag=v1&subdir=docs/b /2/
ADD ${url}?branch=main&commit=${commit.slice(0, 8)} /3/
ADD --exclude=docs ${url}?ref=main /4/
`).buildFiles()
    expect(['1', '2', '3', '4'].map((place) => readdirSync(join(tree, place)))).toEqual([
      ['a', 'b'],
      ['c'],
      ['docs', 'other'],
      ['other'],
    ])
  })

  for (const [kind, what] of [
    ['old', 'that gives out only what it has names for'],
    ['dumb', 'that is nothing but files on a web server'],
  ] as const) {
    test(`${what} does as well`, async () => {
      const { repository, url } = await serve({ kind })
      repository.commit({ f: '1' })
      const second = repository.commit({ f: '2' })
      repository.commit({ f: '3' })
      prepareForDumbServers(repository.path)
      const tree = await project(`FROM scratch\nADD ${url}#${second} /x/\nADD ${url} /y/\n`).buildFiles()
      expect([read(tree, 'x/f'), read(tree, 'y/f')]).toEqual(['2', '3'])
    })
  }

  test('is reached by the git protocol, too', async () => {
    const repository = new GitRepository()
    repository.commit({ f: 'by daemon' })
    const url = await startGitDaemon(dirname(repository.path))
    const tree = await project(`FROM scratch\nADD ${url}/repository.git#main /x/\n`).buildFiles()
    expect(read(tree, 'x/f')).toBe('by daemon')
  })

  test('keeps .git where --keep-git-dir asks for it: one that stands by itself', async () => {
    const { repository, url } = await serve()
    const commit = repository.commit({ f: '1' })
    repository.git('tag', 'v1.2')
    const tree = await project(
      `FROM scratch\nADD --keep-git-dir ${url}#v1.2 /1/\nADD ${url}?keep-git-dir= /2/\n`,
    ).buildFiles()
    const git = (place: string, ...args: readonly string[]): string =>
      execFileSync('git', ['-c', 'safe.directory=*', '-C', join(tree, place), ...args], { encoding: 'utf8' }).trim()
    expect(git('1', 'rev-parse', 'HEAD')).toBe(commit)
    expect(git('1', 'status', '--porcelain')).toBe('')
    expect(git('1', 'describe', '--tags')).toBe('v1.2')
    expect(git('1', 'remote', 'get-url', 'origin')).toBe(url)
    expect(git('2', 'fsck')).not.toContain('missing')
  })

  test('brings its submodules, however deep, unless it is told not to', async () => {
    const folder = temporaryFolder()
    const [inner, middle, outer] = ['inner.git', 'middle.git', 'repository.git'].map(
      (name) => new GitRepository(join(folder, name)),
    ) as [GitRepository, GitRepository, GitRepository]
    const { url } = await serve({}, outer)
    inner.commit({ deep: 'deep' })
    middle.git('submodule', 'add', '--quiet', inner.path, 'in')
    middle.git('config', '--file', '.gitmodules', 'submodule.in.url', '../inner.git')
    middle.commit({ m: '' })
    outer.git('submodule', 'add', '--quiet', middle.path, 'mid')
    outer.git('config', '--file', '.gitmodules', 'submodule.mid.url', '../middle.git')
    outer.commit({ o: '' })
    const tree = await project(`FROM scratch\nADD ${url} /with/\nADD ${url}?submodules=false /without/\n`).buildFiles()
    expect(read(tree, 'with/mid/in/deep')).toBe('deep')
    expect(readdirSync(join(tree, 'with/mid'))).not.toContain('.git')
    expect(readdirSync(join(tree, 'without/mid'))).toEqual([])
  })

  test('gives its files the time of the commit with mtime=commit', async () => {
    const { repository, url } = await serve()
    repository.commit({ f: '' })
    const seconds = Number(repository.git('log', '-1', '--format=%ct'))
    const tree = await project(`FROM scratch\nADD ${url}?mtime=commit /x/\n`).buildFiles()
    expect(statSync(join(tree, 'x/f')).mtimeMs).toBe(seconds * 1000)
  })
})

test('a repository stands beside paths, URLs and heredocs', async () => {
  const { repository, url } = await serve()
  repository.commit({ 'from-git': '' })
  const web = await startWebServer({ '/from-web': '' })
  const text = `FROM scratch\nADD local ${url} ${web.url}/from-web <<heredoc /all/\nx\nheredoc\n`
  const tree = await project(text, { local: '' }).buildFiles()
  expect(readdirSync(join(tree, 'all'))).toEqual(['from-git', 'from-web', 'heredoc', 'local'])
})

describe('a rebuild', () => {
  test('asks what the branch is now, and does the step again only when its files are others', async () => {
    const { repository, url, requests } = await serve()
    repository.commit({ 'docs/a': '1', other: '1' })
    const at = project(`FROM scratch\nADD ${url}#main:docs /x\n`)
    const step = `[1/1] ADD ${url}#main:docs /x`
    await at.build()
    const before = requests.length
    expect(cachedSteps((await at.try()).stderr)).toContain(step)
    expect(
      requests.slice(before).filter((line) => line.includes('git-upload-pack') && line.startsWith('POST')),
    ).toHaveLength(1)
    repository.commit({ other: '2' })
    expect(cachedSteps((await at.try()).stderr)).toContain(step)
    repository.commit({ 'docs/a': '2' })
    expect(doneSteps((await at.try()).stderr)).toContain(step)
    expect(read(await at.buildFiles(), 'x/a')).toBe('2')
  })

  test('of a commit that is given in full asks nobody', async () => {
    const { repository, url, requests } = await serve()
    const commit = repository.commit({ f: '' })
    const at = project(`FROM scratch\nADD ${url}#${commit} /x/\n`)
    await at.build()
    const before = requests.length
    await at.build('--no-cache')
    expect(requests).toHaveLength(before)
  })
})

describe('a git source fails the build when', () => {
  async function failure(line: (served: Served) => string, options: GitServerOptions = {}): Promise<string> {
    const served = await serve(options)
    served.repository.commit({ f: '' })
    const { code, stderr } = await project(`FROM scratch\n${line(served)}\n`).try()
    expect(code).toBe(1)
    expect(stderr).toContain('Dockerfile:2')
    return stderr
  }

  test('the commit is not the one that --checksum says', async () => {
    expect(await failure(({ url }) => `ADD --checksum=1234567 ${url} /x/`)).toContain('CHECKSUM_MISMATCH')
  })

  test('there is no such branch, and one of a like name is named', async () => {
    const stderr = await failure(({ url }) => `ADD ${url}#mian /x/`)
    expect(stderr).toContain('SOURCE_NOT_FOUND')
    expect(stderr).toContain('Did you mean "main"?')
  })

  test('there is no such commit', async () => {
    expect(await failure(({ url }) => `ADD ${url}#${'ab'.repeat(20)} /x/`)).toContain('SOURCE_')
  })

  test('there is no such repository', async () => {
    expect(await failure(({ url }) => `ADD ${url.replace('repository', 'other')} /x/`)).toContain('SOURCE_NOT_FOUND')
  })

  test('there is no such directory in it', async () => {
    expect(await failure(({ url }) => `ADD ${url}#main:none /x/`)).toContain('COPY_SOURCE_MISSING')
  })

  test('it wants to know who asks, and nobody is asked for a password', async () => {
    expect(await failure(({ url }) => `ADD ${url} /x/`, { authorization: 'Basic none' })).toContain('SOURCE_DENIED')
  })

  test('git is not installed', async () => {
    const bin = temporaryFolder()
    for (const name of ['unshare', 'sh', 'mount'])
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name))
    const served = await serve()
    served.repository.commit({ f: '' })
    const { code, stderr } = await project(`FROM scratch\nADD ${served.url} /x/\n`).tryWith({ PATH: bin })
    expect([code, stderr]).toEqual([1, expect.stringContaining('GIT_UNAVAILABLE')])
  })
})

describe('credentials', () => {
  test('in the address go to git, and are shown and kept nowhere', async () => {
    const authorization = `Basic ${Buffer.from('user:s3cret').toString('base64')}`
    const { repository, url } = await serve({ authorization })
    repository.commit({ f: 'f' })
    const at = project(`FROM scratch\nADD --keep-git-dir ${url.replace('://', '://user:s3cret@')} /x/\n`)
    const { code, stderr } = await at.try('--progress=rawjson')
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('s3cret')])
    expect(execFileSync('sh', ['-c', `grep -rl s3cret ${at.store} || true`], { encoding: 'utf8' })).toBe('')
  })
})

describe('secrets', () => {
  const token = 's3cret'
  const basic = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
  const cases: Readonly<Record<string, readonly [id: (host: string) => string, value: string, authorization: string]>> =
    {
      GIT_AUTH_TOKEN: [() => 'GIT_AUTH_TOKEN', token, basic],
      'GIT_AUTH_TOKEN of the host': [(host) => `GIT_AUTH_TOKEN.${host}`, token, basic],
      GIT_AUTH_HEADER: [() => 'GIT_AUTH_HEADER', `Bearer ${token}`, `Bearer ${token}`],
      'GIT_AUTH_HEADER of the host': [(host) => `GIT_AUTH_HEADER.${host}`, `Bearer ${token}\n`, `Bearer ${token}`],
    }
  for (const [what, [id, value, authorization]] of Object.entries(cases)) {
    test(`${what} is shown to the server, and nobody else`, async () => {
      const { repository, url } = await serve({ authorization })
      repository.commit({ f: 'f' })
      const at = project(`FROM scratch\nADD ${url} /x/\n`)
      const secret = `id=${id(new URL(url).host)},env=THE_SECRET`
      const { code, stderr } = await at.tryWith({ THE_SECRET: value }, '--secret', secret, '--progress=rawjson')
      expect([code, stderr]).toEqual([0, expect.not.stringContaining(token)])
      expect(execFileSync('sh', ['-c', `grep -rl ${token} ${at.store} || true`], { encoding: 'utf8' })).toBe('')
    })
  }

  test('are not sent along to where a server redirects', async () => {
    const other = await startWebServer({})
    const path = '/r.git/info/refs?service=git-upload-pack'
    const server = await startWebServer({
      [path]: (_, response) => response.writeHead(302, { location: `${other.url}${path}` }).end(),
    })
    const at = project(`FROM scratch\nADD ${server.url}/r.git /x/\n`)
    const { code, stderr } = await at.tryWith({ T: token }, '--secret', 'id=GIT_AUTH_TOKEN,env=T')
    expect([code, stderr]).toEqual([1, expect.stringContaining('redirects are not followed')])
    expect([server.headers[0]?.authorization, other.requests]).toEqual([basic, []])
  })

  test('for another host are not shown', async () => {
    const { repository, url } = await serve({ authorization: basic })
    repository.commit({ f: 'f' })
    const at = project(`FROM scratch\nADD ${url} /x/\n`)
    const { code } = await at.tryWith({ T: token }, '--secret', 'id=GIT_AUTH_TOKEN.example.com,env=T')
    expect(code).toBe(1)
  })
})

describe.skipIf(process.getuid?.() !== 0)('over ssh', () => {
  async function servedBySsh() {
    const server = await startSshServer()
    const repository = new GitRepository()
    repository.commit({ f: 'by ssh', Dockerfile: 'FROM scratch\nCOPY f /f\n' })
    return { ...server, address: `${server.url}${repository.path}` }
  }

  test('keys that --ssh gives are used', async () => {
    const { address, key } = await servedBySsh()
    const at = project(`FROM scratch\nADD ${address} /x/\n`)
    expect(read(await at.buildFiles('--ssh', `default=${key}`), 'x/f')).toBe('by ssh')
  })

  test('an agent that --ssh gives is asked, and no other', async () => {
    const { address, key } = await servedBySsh()
    const socket = await startSshAgent(key)
    const at = project(`FROM scratch\nADD ${address} /x/\n`)
    const without = await at.tryWith({ SSH_AUTH_SOCK: socket })
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('SOURCE_DENIED')])
    expect((await at.tryWith({ SSH_AUTH_SOCK: socket }, '--ssh', 'default')).code).toBe(0)
  })

  test('a context has the agent of the environment', async () => {
    const { address, key } = await servedBySsh()
    const socket = await startSshAgent(key)
    const options = { store: join(temporaryFolder(), 'store'), env: { SSH_AUTH_SOCK: socket } }
    const { code, stderr } = await stave(['build', '--progress=plain', address], options)
    expect(code, stderr).toBe(0)
  })

  test('the user’s own configuration does not count, and none of it is changed', async () => {
    const { address, key } = await servedBySsh()
    const home = temporaryFolder()
    const proof = join(home, 'ran')
    mkdirSync(join(home, '.ssh'))
    writeFileSync(join(home, '.ssh/config'), `Host *\n  ProxyCommand touch ${proof}\n`)
    writeFileSync(join(home, '.gitconfig'), `[core]\n  sshCommand = touch ${proof}\n`)
    const at = project(`FROM scratch\nADD ${address} /x/\n`)
    expect((await at.tryWith({ HOME: home }, '--ssh', `default=${key}`)).code).toBe(0)
    expect([existsSync(proof), readdirSync(join(home, '.ssh'))]).toEqual([false, ['config']])
  })
})

describe('a hostile repository', () => {
  test('cannot write into .git', async () => {
    const { repository, url } = await serve()
    const blob = repository.git('hash-object', '-w', '--stdin', '--path=x')
    const git = (input: string, ...args: readonly string[]): string =>
      execFileSync('git', ['-C', repository.path, ...args], { input, encoding: 'utf8' }).trim()
    const inner = git(`100755 blob ${blob}\tpost-checkout\n`, 'mktree')
    const hooks = git(`040000 tree ${inner}\thooks\n`, 'mktree')
    const root = git(`040000 tree ${hooks}\t.git\n`, 'mktree')
    repository.git('update-ref', 'refs/heads/main', repository.git('commit-tree', root, '-m', 'evil'))
    const { code, stderr } = await project(`FROM scratch\nADD ${url} /x/\n`).try()
    expect([code, stderr]).toEqual([1, expect.stringContaining('SOURCE_FAILED')])
  })

  test('cannot lead out of itself by links', async () => {
    const { repository, url } = await serve()
    for (const [name, target] of Object.entries({ up: '../../../../../../etc', root: '/etc', file: '/etc/passwd' })) {
      symlinkSync(target, join(repository.path, name))
    }
    repository.commit({ f: '' })
    const at = project(`FROM scratch\nADD ${url} /all/\n`)
    expect(readlinkSync(join(await at.buildFiles(), 'all/root'))).toBe('/etc')
    for (const name of ['up', 'root']) {
      const { code, stderr } = await project(`FROM scratch\nADD ${url}#main:${name} /x/\n`).try()
      expect([code, stderr]).toEqual([1, expect.stringContaining('COPY_SOURCE_MISSING')])
    }
    const { code } = await project(`FROM scratch\nADD ${url}#main:up/passwd /x/\n`).try()
    expect(code).toBe(1)
  })

  test('cannot run anything: not by hooks, not by filters, not by submodules', async () => {
    const { repository, url } = await serve()
    const proof = join(temporaryFolder(), 'ran')
    mkdirSync(join(repository.path, 'hooks'), { recursive: true })
    repository.commit({
      'hooks/post-checkout': [`#!/bin/sh\ntouch ${proof}\n`, 0o755],
      '.gitattributes': '* filter=evil\n',
      '.gitconfig': `[filter "evil"]\n\tsmudge = touch ${proof}\n`,
      f: '',
    })
    await project(`FROM scratch\nADD ${url} /x/\n`).build()
    expect(existsSync(proof)).toBe(false)
  })

  for (const [what, submodule] of Object.entries({
    'a program': 'ext::sh -c "touch PROOF"',
    'a folder of this machine': 'file://FOLDER/victim.git',
    'a path of this machine': 'FOLDER/victim.git',
    'an option': '--upload-pack=touch PROOF',
  })) {
    test(`cannot have ${what} as a submodule`, async () => {
      const folder = temporaryFolder()
      const proof = join(folder, 'ran')
      const victim = new GitRepository(join(folder, 'victim.git'))
      victim.commit({ secret: 's' })
      const repository = new GitRepository(join(folder, 'repository.git'))
      const { url } = await serve({}, repository)
      repository.commit({ f: '' })
      repository.git('submodule', 'add', '--quiet', victim.path, 'sub')
      const address = submodule.replace('PROOF', proof).replace('FOLDER', folder)
      writeFileSync(
        join(repository.path, '.gitmodules'),
        `[submodule "sub"]\n\tpath = sub\n\turl = ${JSON.stringify(address)}\n`,
      )
      repository.commit({})
      const { code, stderr } = await project(`FROM scratch\nADD ${url} /x/\n`).try()
      expect(code, stderr).toBe(1)
      expect(stderr).toMatch(/SOURCE_[A-Z]+: /)
      expect(existsSync(proof)).toBe(false)
    })
  }
})
