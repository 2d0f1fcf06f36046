import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { archiveOf } from '../support/archive.ts'
import { Bench } from '../support/bench.ts'
import { GitRepository } from '../support/git-repository.ts'
import { startGitServer } from '../support/git-server.ts'
import { lingering } from '../support/leftovers.ts'
import { OrdinaryUser } from '../support/ordinary-user.ts'
import { finished, startStave, stave } from '../support/stave.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebProxy } from '../support/web-proxy.ts'
import { startWebServer, type Page } from '../support/web-server.ts'

/** Says that it was asked, and then nothing. */
function silentPage(): { readonly page: Page; readonly asked: Promise<void> } {
  let tell = (): void => undefined
  const asked = new Promise<void>((resolve) => (tell = resolve))
  const page: Page = (_, response) => {
    response.writeHead(200).write('some')
    tell()
  }
  return { asked, page }
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  describe(`${signal} while something is fetched leaves no process`, () => {
    for (const [what, path] of Object.entries({
      'a file': '/file',
      'a git repository': '/repository.git/info/refs?service=git-upload-pack',
    })) {
      test(`and no half of ${what}`, async () => {
        const { page, asked } = silentPage()
        const server = await startWebServer({ [path]: page })
        const source = what === 'a file' ? `${server.url}/file` : `${server.url}/repository.git`
        const bench = new Bench({ Dockerfile: `FROM scratch\nADD ${source} /x/\n` })
        const child = startStave(['build', '.'], { store: bench.store, cwd: bench.cwd })
        onTestFinished(() => void child.kill('SIGKILL'))
        const ended = finished(child)
        await asked
        child.kill(signal)
        expect((await ended).code).toBe(signal === 'SIGINT' ? 130 : null)
        expect(await lingering(server.host, signal === 'SIGINT' ? 1 : undefined)).toEqual([])
        if (signal === 'SIGINT') expect(bench.leftovers()).toEqual([])
      })
    }
  })
}

describe('a proxy of the environment', () => {
  test('is asked for files and repositories, but not for hosts that are excepted', async () => {
    const repository = new GitRepository()
    repository.commit({ f: 'f' })
    const git = await startGitServer(dirname(repository.path))
    const web = await startWebServer({ '/x': 'x' })
    const [forFiles, forGit] = [await startWebProxy(web.host), await startWebProxy(git.host)]
    const build = async (line: string, env: Readonly<Record<string, string>>): Promise<number | null> => {
      const bench = new Bench({ Dockerfile: `FROM scratch\n${line}\n` })
      return (await stave(['build', bench.cwd], { store: bench.store, env })).code
    }
    expect(await build('ADD http://files.example/x /x', { HTTP_PROXY: forFiles.url })).toBe(0)
    expect(await build('ADD http://git.example/repository.git /x/', { HTTP_PROXY: forGit.url })).toBe(0)
    expect([forFiles.hosts, forGit.hosts[0]]).toEqual([['files.example:80'], 'git.example'])
    const asked = forFiles.hosts.length
    expect(await build('ADD http://files.example/x /x', { HTTP_PROXY: forFiles.url, NO_PROXY: 'files.example' })).toBe(
      1,
    )
    expect(forFiles.hosts).toHaveLength(asked)
  })
})

describe('a mirror of a git repository', () => {
  async function fetchedOnce(): Promise<{ bench: Bench; repository: GitRepository; mirror: string }> {
    const repository = new GitRepository()
    repository.commit({ f: '1' })
    const { url } = await startGitServer(dirname(repository.path))
    const bench = new Bench({ Dockerfile: `FROM scratch\nADD ${url}/repository.git /x/\n` })
    await bench.build(['.'])
    const [name = ''] = readdirSync(join(bench.store, 'v1/git'))
    return { bench, repository, mirror: join(bench.store, 'v1/git', name) }
  }

  test('with locks that a killed git has left is made anew', async () => {
    const { bench, repository, mirror } = await fetchedOnce()
    for (const lock of ['shallow.lock', 'packed-refs.lock', 'HEAD.lock']) writeFileSync(join(mirror, lock), '')
    repository.commit({ f: '2' })
    expect(readFileSync(join(await bench.build(['.']), 'x/f'), 'utf8')).toBe('2')
  })

  test('that is damaged costs one failed build at most', async () => {
    const { bench, repository, mirror } = await fetchedOnce()
    repository.commit({ f: '2' })
    execFileSync('sh', ['-c', `find ${mirror}/objects -type f -exec chmod u+w {} + -exec truncate -s 10 {} +`])
    await bench.try(['.'])
    expect(readFileSync(join(await bench.build(['.']), 'x/f'), 'utf8')).toBe('2')
  })

  test('goes, as checkouts do, when nobody has used it for two days', async () => {
    const { bench, repository, mirror } = await fetchedOnce()
    const checkouts = join(bench.store, 'v1/checkouts')
    const [first = ''] = readdirSync(checkouts)
    const old = join(dirname(mirror), 'old')
    mkdirSync(old)
    const then = new Date(Date.now() - 49 * 60 * 60 * 1000)
    for (const path of [old, join(checkouts, first)]) utimesSync(path, then, then)
    repository.commit({ f: '2' })
    await bench.build(['.'])
    expect(readdirSync(dirname(mirror))).toEqual([basename(mirror)])
    expect(readdirSync(checkouts)).not.toContain(first)
    expect(readdirSync(checkouts)).toHaveLength(1)
    expect(bench.leftovers()).toEqual([])
  })

  test('is shared by builds that run at the same time', async () => {
    const { bench, repository } = await fetchedOnce()
    repository.commit({ f: '2' })
    rmSync(join(bench.store, 'v1/facts'), { recursive: true })
    const trees = await Promise.all([1, 2, 3].map(() => bench.try(['.'])))
    expect(trees.map(({ code }) => code)).toEqual([0, 0, 0])
  })
})

describe.skipIf(process.getuid?.() !== 0)('for an ordinary user', () => {
  test('archives as contexts, git repositories and files from the web give what they give for root', async () => {
    const repository = new GitRepository()
    repository.commit({ 'bin/run': ['run', 0o755], plain: '' })
    const git = await startGitServer(dirname(repository.path))
    const pages: Record<string, Page> = { '/w': 'w' }
    const web = await startWebServer(pages)
    const dockerfile = `FROM scratch\nCOPY f /f\nADD ${git.url}/repository.git /g\nADD ${web.url}/w /w\n`
    pages['/c.tar'] = archiveOf([
      { path: 'Dockerfile', content: dockerfile },
      { path: 'f', uid: 1234, gid: 5678 },
    ])
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    const user = new OrdinaryUser(folder, { hasSubordinateIds: true })
    const tar = user.path('out.tar')
    const { code, stderr } = await user.stave(['build', '-o', `type=tar,dest=${tar}`, `${web.url}/c.tar`])
    expect(code, stderr).toBe(0)
    const entries = execFileSync('tar', ['--numeric-owner', '-tvf', tar], { encoding: 'utf8' }).split('\n')
    const look = (line: string): string => line.replace(/^(\S+) (\S+) .* (\S+)$/, '$1 $2 $3')
    expect(entries.map(look).filter((line) => line !== '')).toEqual([
      '-rw-r--r-- 0/0 f',
      'drwxr-xr-x 0/0 g/',
      'drwxr-xr-x 0/0 g/bin/',
      '-rwxr-xr-x 0/0 g/bin/run',
      '-rw-r--r-- 0/0 g/plain',
      '-rw------- 0/0 w',
    ])
  })
})
