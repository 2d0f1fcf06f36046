import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A real registry, Debian's `docker-registry`, on a port of the loopback device. Disposing ends it and removes what it stored. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`, as it stands in references. */
  readonly host: string
  /** Where it stores: `docker/registry/v2/…`. */
  readonly folder: string
  /** Its access log so far, a line for each request: `PUT /v2/app/manifests/1 201`. */
  requests(): readonly string[]
}

/** Who may do what: everybody everything, whoever knows the password, or whoever has a token of the server at `realm`. */
export type RegistryAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'token'; readonly realm: string; readonly certificateFile: string }

export const basicUser = { username: 'stave', password: 'secret' } as const

/** bcrypt of `basicUser.password`. */
const passwordHash = '$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'

export async function startRegistry(auth: RegistryAuth = { kind: 'none' }): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'stave-registry-'))
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  const config = join(folder, 'config.yml')
  writeFileSync(join(folder, 'htpasswd'), `${basicUser.username}:${passwordHash}\n`)
  writeFileSync(config, configText(folder, host, auth))
  const child = spawn('docker-registry', ['serve', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none' },
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text))
  const registry: TestRegistry = {
    host,
    folder,
    requests: () =>
      [...log.matchAll(/"([A-Z]+ \S+) HTTP\/1\.1" (\d+)/g)].map(([, request, status]) => `${request} ${status}`),
    [Symbol.asyncDispose]: () => stop(child, folder),
  }
  try {
    await answering(host, child)
    return registry
  } catch (error) {
    await stop(child, folder)
    throw error
  }
}

function configText(folder: string, host: string, auth: RegistryAuth): string {
  return `version: 0.1
log: { level: error }
storage:
  filesystem: { rootdirectory: ${folder} }
  delete: { enabled: true }
  maintenance: { uploadpurging: { enabled: false } }
http: { addr: ${host} }
${authText(folder, auth)}`
}

function authText(folder: string, auth: RegistryAuth): string {
  switch (auth.kind) {
    case 'none':
      return ''
    case 'basic':
      return `auth: { htpasswd: { realm: test, path: ${join(folder, 'htpasswd')} } }\n`
    case 'token':
      return `auth: { token: { realm: "${auth.realm}", service: test, issuer: test, rootcertbundle: ${auth.certificateFile} } }\n`
    default:
      return auth satisfies never
  }
}

/** A key and a certificate for a token server: the registry believes what is signed with them. */
export function makeCertificate(folder: string): { readonly keyFile: string; readonly certificateFile: string } {
  const keyFile = join(folder, 'token.key')
  const certificateFile = join(folder, 'token.crt')
  const subject = ['-subj', '/CN=test', '-days', '2', '-nodes', '-newkey', 'rsa:2048']
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', keyFile, '-out', certificateFile], { stdio: 'pipe' })
  return { keyFile, certificateFile }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answering(host: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with exit code ${child.exitCode}`)
    try {
      await fetch(`http://${host}/v2/`)
      return
    } catch {
      await sleep(25)
    }
  }
  throw new Error('docker-registry does not answer')
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  rmSync(folder, { recursive: true, force: true })
}
