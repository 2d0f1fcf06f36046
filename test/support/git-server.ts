import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort, listening } from './ports.ts'

export interface GitServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly host: string
  /** `GET /path?query`, in the order of arrival. */
  readonly requests: readonly string[]
}

export interface GitServerOptions {
  /** `smart`: git itself answers; `old`: by the protocol that gives out only what it has names for; `dumb`: files, as any web server gives them. */
  readonly kind?: 'smart' | 'old' | 'dumb'
  /** Value of the Authorization header without which nothing is given. */
  readonly authorization?: string
}

/** Serves all repositories below a folder over HTTP, until the running test has finished. */
export async function startGitServer(folder: string, options: GitServerOptions = {}): Promise<GitServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    } else if (options.kind === 'dumb') sendFile(folder, request, response)
    else sendBackend(folder, request, response, options.kind === 'old' ? '' : request.headers['git-protocol'])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: `http://${host}`, host, requests }
}

function pathOf(request: IncomingMessage): URL {
  return new URL(request.url ?? '', 'http://x')
}

function sendFile(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const path = join(folder, decodeURIComponent(pathOf(request).pathname))
  // A repository with a work tree stands for its own `.git`.
  for (const candidate of [path, path.replace(/\.git\//, '.git/.git/')]) {
    try {
      if (statSync(candidate).isFile()) return void response.end(readFileSync(candidate))
    } catch {
      continue
    }
  }
  response.writeHead(404).end()
}

/** @see https://git-scm.com/docs/git-http-backend */
function sendBackend(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
  protocol: string | string[] = '',
): void {
  const { pathname, search } = pathOf(request)
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(protocol),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(backend.stdin)
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const headers = output.subarray(0, end).toString('latin1').split('\r\n')
    const status = headers.map((line) => /^Status: (\d+)/i.exec(line)?.[1]).find((code) => code !== undefined)
    for (const line of headers) {
      const [, name, value] = /^([^:]+): (.*)$/.exec(line) ?? []
      if (name !== undefined && value !== undefined && !/^status$/i.test(name)) response.setHeader(name, value)
    }
    response.writeHead(Number(status ?? 200)).end(output.subarray(end + 4))
  })
}

/** What a web server without git needs to know of a repository. */
export function prepareForDumbServers(repository: string): void {
  execFileSync('git', ['-C', repository, 'update-server-info'])
}

/** Serves all repositories below a folder with `git daemon`, until the running test has finished.
 *  @returns `git://127.0.0.1:<port>` */
export async function startGitDaemon(folder: string): Promise<string> {
  const port = await freePort()
  const args = ['--export-all', `--base-path=${folder}`, '--listen=127.0.0.1', `--port=${port}`, '--reuseaddr']
  // Not `git daemon`: that would be two processes.
  const daemon = spawn(join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-daemon'), args, {
    stdio: 'ignore',
    env: { ...process.env, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
  })
  onTestFinished(async () => {
    const exit = once(daemon, 'exit')
    daemon.kill('SIGTERM')
    await exit
  })
  await listening(port)
  return `git://127.0.0.1:${port}`
}
