import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { archiveOf } from '../support/archive.ts'
import { Project } from '../support/project.ts'
import { cachedSteps, doneSteps, type Files } from '../support/stave.ts'
import { startWebServer, type Page } from '../support/web-server.ts'

const lastModified = 'Wed, 21 Oct 2015 07:28:00 GMT'

function project(dockerfile: string, files: Files = {}): Project {
  return new Project('/none', { Dockerfile: dockerfile, ...files })
}

function sha256(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

interface Validators {
  readonly etag?: string
  readonly 'last-modified'?: string
}

/** A page that is not sent again to those who have it. */
function cacheable(content: string, validators: Validators, onSent: () => void): Page {
  return ({ headers }, response) => {
    const sameTag = validators.etag !== undefined && headers['if-none-match'] === validators.etag
    const sameTime =
      validators['last-modified'] !== undefined && headers['if-modified-since'] === validators['last-modified']
    if (sameTag || sameTime) return response.writeHead(304).end()
    onSent()
    return response.writeHead(200, { ...validators }).end(content)
  }
}

describe('a file from a web server', () => {
  test('is root’s alone, and as old as the server says', async () => {
    const server = await startWebServer({
      '/a/tool': (_, response) => response.writeHead(200, { 'last-modified': lastModified }).end('tool'),
    })
    const tree = await project(`FROM scratch\nADD ${server.url}/a/tool /opt/\n`).buildFiles()
    const { mode, uid, gid, mtimeMs } = statSync(join(tree, 'opt/tool'))
    expect([mode & 0o7777, uid, gid, mtimeMs]).toEqual([0o600, 0, 0, Date.parse(lastModified)])
    expect(readFileSync(join(tree, 'opt/tool'), 'utf8')).toBe('tool')
  })

  test('is from 1970 when the server does not say', async () => {
    const server = await startWebServer({ '/x': 'x' })
    const tree = await project(`FROM scratch\nADD ${server.url}/x /y\n`).buildFiles()
    expect(statSync(join(tree, 'y')).mtimeMs).toBe(0)
  })

  test('is called after the last part of the path, whatever the server calls it', async () => {
    const server = await startWebServer({
      '/': 'root',
      '/a%20b?q=1': (_, response) =>
        response.writeHead(200, { 'content-disposition': 'attachment; filename="evil"' }).end('b'),
    })
    const tree = await project(`FROM scratch\nADD ${server.url} ${server.url}/a%20b?q=1 /d/\n`).buildFiles()
    expect(readdirSync(join(tree, 'd'))).toEqual(['__unnamed__', 'a b'])
  })

  test('takes --chmod and --chown', async () => {
    const server = await startWebServer({ '/x': 'x' })
    const tree = await project(`FROM scratch\nADD --chmod=755 --chown=7:8 ${server.url}/x /x\n`).buildFiles()
    const { mode, uid, gid } = statSync(join(tree, 'x'))
    expect([mode & 0o7777, uid, gid]).toEqual([0o755, 7, 8])
  })

  test('that is an archive stays one, unless --unpack says otherwise', async () => {
    const server = await startWebServer({ '/x.tar': archiveOf([{ path: 'inside', content: 'i', uid: 5 }]) })
    const text = `FROM scratch\nADD ${server.url}/x.tar /kept/\nADD --unpack ${server.url}/x.tar /unpacked/\n`
    const tree = await project(text).buildFiles()
    expect([readdirSync(join(tree, 'kept')), readdirSync(join(tree, 'unpacked'))]).toEqual([['x.tar'], ['inside']])
    expect(statSync(join(tree, 'unpacked/inside')).uid).toBe(5)
    expect(server.requests).toEqual(['GET /x.tar']) // one build asks once
  })

  test('stands beside other sources, in the order of the instruction', async () => {
    const server = await startWebServer({ '/b': 'from the web' })
    const text = `FROM scratch\nADD a ${server.url}/b c <<d /all/\nheredoc\nd\n`
    const tree = await project(text, { a: 'local', b: 'not taken', c: 'local' }).buildFiles()
    const read = (name: string): string => readFileSync(join(tree, 'all', name), 'utf8')
    expect(['a', 'b', 'c', 'd'].map(read)).toEqual(['local', 'from the web', 'local', 'heredoc\n'])
  })

  test('as one of several needs a directory to go to', async () => {
    const server = await startWebServer({ '/b': 'b' })
    const { code, stderr } = await project(`FROM scratch\nADD a ${server.url}/b /file\n`, { a: '' }).try()
    expect([code, stderr]).toEqual([1, expect.stringContaining('COPY_CONFLICT')])
  })

  test('may be large, and is never held in memory whole', { timeout: 120_000 }, async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    const server = await startWebServer({
      '/large': (_, response) => {
        let left = 300
        const send = (): void => {
          while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', send)
          response.end()
        }
        send()
      },
    })
    const at = project(`FROM scratch\nADD ${server.url}/large /large\n`)
    const tree = await at.buildFiles()
    expect(lstatSync(join(tree, 'large')).size).toBe(300 * 1024 * 1024)
  })
})

describe('a rebuild', () => {
  for (const validators of [{ etag: '"1"' }, { 'last-modified': lastModified }]) {
    test(`asks on condition of ${Object.keys(validators).join()}, and a file that is the same is not sent again`, async () => {
      let sent = 0
      const server = await startWebServer({ '/x': cacheable('content', validators, () => sent++) })
      const at = project(`FROM scratch\nADD ${server.url}/x /x\n`)
      const first = await at.build()
      const { code, stdout, stderr } = await at.try()
      expect([code, stdout.trim(), sent]).toEqual([0, first, 1])
      expect(cachedSteps(stderr)).toEqual([`[1/1] ADD ${server.url}/x /x`])
      expect(server.requests).toHaveLength(2)
    })
  }

  test('does the step again when the file is another', async () => {
    const pages: Record<string, Page> = { '/x': 'one' }
    const server = await startWebServer(pages)
    const at = project(`FROM scratch\nADD ${server.url}/x /x\n`)
    await at.build()
    pages['/x'] = 'two'
    const { stderr } = await at.try()
    expect(doneSteps(stderr)).toContain(`[1/1] ADD ${server.url}/x /x`)
    expect(readFileSync(join(await at.buildFiles(), 'x'), 'utf8')).toBe('two')
  })

  test('takes the same file from another address for the same step', async () => {
    const server = await startWebServer({ '/1/x': 'x', '/2/x': 'x' })
    const at = project(`FROM scratch\nARG N\nADD ${server.url}/$N/x /x\n`)
    await at.build('--build-arg', 'N=1')
    const { stderr } = await at.try('--build-arg', 'N=2')
    expect(cachedSteps(stderr)).toEqual([`[1/1] ADD ${server.url}/2/x /x`])
  })
})

describe('--checksum', () => {
  test('makes a request needless once the file is here', async () => {
    const server = await startWebServer({ '/x': 'content' })
    const at = project(`FROM scratch\nADD --checksum=${sha256('content')} ${server.url}/x /x\n`)
    await at.build()
    await at.build()
    await at.build('--no-cache')
    expect(server.requests).toEqual(['GET /x'])
  })

  test('of another file is an error that names both', async () => {
    const server = await startWebServer({ '/x': 'content' })
    const wrong = sha256('other')
    const { code, stderr } = await project(`FROM scratch\nADD --checksum=${wrong} ${server.url}/x /x\n`).try()
    expect(code).toBe(1)
    for (const text of ['Dockerfile:2', 'CHECKSUM_MISMATCH', wrong, sha256('content')]) expect(stderr).toContain(text)
  })
})

describe('a server that', () => {
  const failures: Readonly<Record<string, readonly [status: number, code: string]>> = {
    'does not have the file': [404, 'SOURCE_NOT_FOUND'],
    'wants to know who asks': [401, 'SOURCE_DENIED'],
    'does not understand': [400, 'SOURCE_FAILED'],
  }
  for (const [what, [status, code]] of Object.entries(failures)) {
    test(`${what} fails the build with ${code}, at the instruction`, async () => {
      const server = await startWebServer({ '/x': (_, response) => response.writeHead(status).end('<html>') })
      const result = await project(`FROM scratch\nADD ${server.url}/x /x\n`).try()
      expect(result.code).toBe(1)
      expect(result.stderr).toContain(`Dockerfile:2:5: ${code}: Cannot download ${server.url}/x`)
      expect(server.requests).toHaveLength(1)
    })
  }

  test('is busy is asked again', async () => {
    let times = 0
    const server = await startWebServer({
      '/x': (_, response) => (times++ === 0 ? response.writeHead(503).end() : response.end('x')),
    })
    const tree = await project(`FROM scratch\nADD ${server.url}/x /x\n`).buildFiles()
    expect([readFileSync(join(tree, 'x'), 'utf8'), times]).toEqual(['x', 2])
  })

  test('breaks off in the middle is asked again', async () => {
    let times = 0
    const server = await startWebServer({
      '/x': (_, response) => {
        if (times++ > 0) return void response.end('whole')
        response.writeHead(200, { 'content-length': '5' }).write('wh')
        setTimeout(() => response.destroy(), 50)
      },
    })
    const tree = await project(`FROM scratch\nADD ${server.url}/x /x\n`).buildFiles()
    expect(readFileSync(join(tree, 'x'), 'utf8')).toBe('whole')
  })

  test('redirects in circles is left', async () => {
    const server = await startWebServer({
      '/x': (_, response) => response.writeHead(302, { location: '/x' }).end(),
    })
    const { code, stderr } = await project(`FROM scratch\nADD ${server.url}/x /x\n`).try()
    expect([code, stderr]).toEqual([1, expect.stringContaining('redirects more than 10 times')])
  })

  test('redirects to a file of this machine is not followed', async () => {
    const server = await startWebServer({
      '/x': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    })
    const { code, stderr } = await project(`FROM scratch\nADD ${server.url}/x /x\n`).try()
    expect([code, stderr]).toEqual([1, expect.stringContaining('no address of the web')])
  })
})

describe('credentials in a URL', () => {
  test('go to its host, not to where it redirects, and are shown nowhere', async () => {
    const other = await startWebServer({ '/y': 'y' })
    const server = await startWebServer({
      '/x': (_, response) => response.writeHead(302, { location: `${other.url}/y` }).end(),
    })
    const withCredentials = server.url.replace('://', '://user:s3cret@')
    const at = project(`FROM scratch\nADD ${withCredentials}/x /x\n`)
    const { code, stderr } = await at.try('--progress=rawjson')
    expect(code).toBe(0)
    const basic = `Basic ${Buffer.from('user:s3cret').toString('base64')}`
    expect([server.headers[0]?.authorization, other.headers[0]?.authorization]).toEqual([basic, undefined])
    expect(stderr).not.toContain('s3cret')
    expect(JSON.stringify(await at.buildConfig())).not.toContain('s3cret')
  })

  test('may be secrets for the host: a header, or a token', async () => {
    const server = await startWebServer({ '/x': 'x' })
    const at = project(`FROM scratch\nADD ${server.url}/x /x\n`)
    const env = { HEADER: 'Custom abc', TOKEN: 'tok3n' }
    await at.tryWith(env, '--secret', `id=HTTP_AUTH_HEADER_${server.host},env=HEADER`)
    const { code, stderr } = await at.tryWith(env, '--secret', `id=HTTP_AUTH_TOKEN_${server.host},env=TOKEN`)
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('tok3n')])
    await at.tryWith(env, '--secret', 'id=HTTP_AUTH_TOKEN_other.example,env=TOKEN')
    const sent = server.headers.map(({ authorization }) => authorization)
    expect(sent).toEqual(['Custom abc', 'Bearer tok3n', undefined])
  })
})
