import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { archiveOf, type SampleEntry } from '../support/archive.ts'
import { GitRepository } from '../support/git-repository.ts'
import { startGitServer } from '../support/git-server.ts'
import { finished, startStave, stave, writeFiles, type Files, type StaveOptions } from '../support/stave.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer } from '../support/web-server.ts'

const mistaken = 'FROM scratch\nENV a b\nCOPY f /\n'
const finding = expect.stringContaining('WARNING: LegacyKeyValueFormat') as string
const lacking = (name: string) =>
  expect.stringContaining(`DOCKERFILE_NOT_FOUND: Cannot read the Dockerfile ${name}`) as string

/** A place to look from, which shows whether anything is left. */
class Outlook {
  readonly root = temporaryFolder()
  readonly store = join(this.root, 'store')
  readonly cwd: string
  readonly #temporary = join(this.root, 'tmp')

  constructor(files: Files = {}) {
    this.cwd = writeFiles(join(this.root, 'cwd'), files)
    mkdirSync(this.#temporary)
  }

  get options(): StaveOptions {
    return { store: this.store, cwd: this.cwd, env: { TMPDIR: this.#temporary } }
  }

  async look(args: readonly string[], input?: string | Uint8Array) {
    const options = { ...this.options, ...(input === undefined ? {} : { input }) }
    const { code, stdout, stderr } = await stave(['build', ...args], options)
    expect(this.leftovers()).toEqual([])
    return { code, stdout, stderr }
  }

  leftovers(): readonly string[] {
    return [...readdirSync(this.#temporary), ...(existsSync(this.store) ? readdirSync(this.store) : [])]
  }
}

function archive(...entries: readonly SampleEntry[]): Buffer {
  return archiveOf([{ path: 'f' }, ...entries])
}

describe('a look at an archive on standard input', () => {
  test.each(['cat', 'gzip -c', 'bzip2 -c', 'xz -c', 'zstd -c'])(
    'packed with %s finds its Dockerfile',
    async (program) => {
      const input = execFileSync('sh', ['-c', program], { input: archive({ path: './Dockerfile', content: mistaken }) })
      expect(await new Outlook().look(['--check', '-'], input)).toEqual({ code: 1, stdout: finding, stderr: '' })
    },
  )

  test('takes the Dockerfile that --file names in it, through a link that stays in it', async () => {
    const input = archive(
      { path: 'docker/app', type: 'symlink', linkName: '/docker/real' },
      { path: 'docker/real', content: 'FROM scratch AS here\n' },
    )
    const { code, stdout } = await new Outlook({ 'docker/app': 'FROM scratch AS no\n' }).look(
      ['--call=targets', '-f', 'docker/app', '-'],
      input,
    )
    expect([code, stdout]).toEqual([0, expect.stringContaining('here')])
  })

  test('does not go by an ignore file, as a build does not', async () => {
    const input = archive(
      { path: '.dockerignore', content: 'f\n' },
      { path: 'Dockerfile', content: 'FROM scratch\nCOPY f /\n' },
    )
    expect((await new Outlook().look(['--check', '-'], input)).code).toBe(0)
  })

  test('without a Dockerfile, or with a pipe in its place, is told as such', async () => {
    for (const entries of [[], [{ path: 'Dockerfile', type: 'fifo' as const }]]) {
      const { code, stderr } = await new Outlook().look(['--check', '-'], archive(...entries))
      expect([code, stderr]).toEqual([1, lacking('Dockerfile')])
    }
  })

  test('that is cut off is an error', async () => {
    const { code, stderr } = await new Outlook().look(
      ['--check', '-'],
      archive({ path: 'Dockerfile', content: mistaken }).subarray(0, 700),
    )
    expect([code, stderr]).toEqual([1, expect.stringContaining('ARCHIVE_INVALID')])
  })
})

describe('a look at a git repository', () => {
  async function serve(): Promise<string> {
    const repository = new GitRepository()
    repository.commit({
      Dockerfile: 'FROM scratch\n',
      'sub/Dockerfile': mistaken,
      'sub/other': 'FROM scratch AS other\n',
    })
    return `${(await startGitServer(dirname(repository.path))).url}/repository.git`
  }

  test('finds the Dockerfile of the folder that the address names', async () => {
    const address = await serve()
    expect(await new Outlook().look(['--check', `${address}#main:sub`])).toEqual({
      code: 1,
      stdout: finding,
      stderr: '',
    })
    expect((await new Outlook().look(['--check', address])).code).toBe(0)
    expect((await new Outlook().look(['--call=targets', '-f', 'other', `${address}#main:sub`])).stdout).toContain(
      'other',
    )
  })

  test('tells an outline, and names what is not there', async () => {
    const address = await serve()
    expect(await new Outlook().look(['--call=outline', address])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect((await new Outlook().look(['--check', '-f', 'no', address])).stderr).toEqual(lacking('no'))
    expect((await new Outlook().look(['--check', `${address}#main:none`])).stderr).toContain(
      'it has no directory "none"',
    )
    expect((await new Outlook().look(['--check', `${address}#none`])).stderr).toContain(
      'it has no branch or tag "none"',
    )
  })

  test('takes credentials from secrets, and shows none', async () => {
    const repository = new GitRepository()
    repository.commit({ Dockerfile: mistaken })
    const authorization = `Basic ${Buffer.from('x-access-token:hidden').toString('base64')}`
    const { host } = await startGitServer(dirname(repository.path), { authorization })
    const outlook = new Outlook({ token: 'hidden' })
    const address = `http://${host}/repository.git`
    const secret = ['--secret', 'id=GIT_AUTH_TOKEN,src=token']
    expect((await outlook.look(['--check', ...secret, address])).stdout).toEqual(finding)
    const { stdout } = await outlook.look([
      '--call=check,format=sarif',
      `http://x-access-token:hidden@${host}/repository.git`,
    ])
    expect(stdout).toContain('"uri": "Dockerfile"')
    expect(stdout).not.toContain('hidden')
  })
})

describe('a look at a URL', () => {
  test('finds the Dockerfile in an archive, or takes the text for one', async () => {
    const { url } = await startWebServer({
      '/c.tar': archive({ path: 'Dockerfile', content: mistaken }),
      '/text': mistaken,
    })
    for (const path of ['/c.tar', '/text']) {
      expect(await new Outlook().look(['--check', `${url}${path}`])).toEqual({ code: 1, stdout: finding, stderr: '' })
    }
  })

  test('goes by the Dockerfile that --file fetches, and the ignore file of the folder', async () => {
    const { url } = await startWebServer({ '/text': 'FROM scratch\nCOPY f /\n' })
    const { stdout } = await new Outlook({ f: '', '.dockerignore': 'f\n' }).look(['--check', '-f', `${url}/text`, '.'])
    expect(stdout).toContain('CopyIgnoredFile')
  })

  test('that is not there, or empty, is told as such', async () => {
    const { url } = await startWebServer({ '/empty': '' })
    expect((await new Outlook().look(['--check', `${url}/no`])).stderr).toContain('SOURCE_NOT_FOUND')
    expect((await new Outlook().look(['--check', `${url}/empty`])).stderr).toContain('it is empty')
  })
})

describe('a look that is interrupted leaves nothing', () => {
  test.each(['/c.tar', '/r.git'])('while a server keeps it waiting for %s', async (path) => {
    let asked = (): void => undefined
    const isAsked = new Promise<void>((resolve) => (asked = resolve))
    const { url } = await startWebServer({
      '/c.tar': (_, response) => {
        response.write(archive().subarray(0, 600))
        asked()
      },
      '/r.git/info/refs?service=git-upload-pack': () => asked(),
    })
    const outlook = new Outlook()
    const child = startStave(['build', '--check', `${url}${path}`], outlook.options)
    const end = finished(child)
    await isAsked
    child.kill('SIGINT')
    expect((await end).code).toBe(130)
    expect(outlook.leftovers()).toEqual([])
  })

  test('while an archive comes in', async () => {
    const outlook = new Outlook()
    const child = startStave(['build', '--check', '-'], { ...outlook.options, openInput: true })
    const end = finished(child)
    child.stdin?.write(archive({ path: 'big', content: 'x'.repeat(100_000) }))
    while (outlook.leftovers().length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    child.kill('SIGTERM')
    expect((await end).code).toBe(130)
    expect(outlook.leftovers()).toEqual([])
    if (child.stdin?.closed === false) await once(child.stdin, 'close')
  })
})
