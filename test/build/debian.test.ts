import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeDebianRoot } from '../support/debian-root.ts'
import { build, repository, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'
import { describeTree, unpackWithUmoci } from '../support/tree.ts'

const folder = openTemporaryFolder()
const store = join(folder.path, 'store')
const sandboxes = ['oci', 'native'] as const
const places = new Map<string, Places>()
let port: number

/** Where the image and the files of one build are. */
interface Places {
  readonly layout: string
  /** As umoci unpacks the image. */
  readonly rootfs: string
  /** As GNU tar unpacks the files. */
  readonly files: string
}

beforeAll(async () => {
  port = await freePort()
  const context = writeFiles(join(folder.path, 'base'), { Dockerfile: 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' })
  makeDebianRoot(join(context, 'root.tar'))
  await build(['-t', 'debian:local', context], { store })
  for (const name of sandboxes) places.set(name, await buildIn(name))
}, 600_000)
afterAll(() => folder[Symbol.dispose]())

async function buildIn(name: (typeof sandboxes)[number]): Promise<Places> {
  const [layout, files, unpacked] = ['layout', 'files', 'unpacked'].map((kind) =>
    join(folder.path, `${kind}-${name}`),
  ) as [string, string, string]
  const outputs = ['-o', `type=oci,dest=${layout},tar=false,name=web:latest`, '-o', `type=tar,dest=${files}.tar`]
  const options = ['--isolation', name, '--network', 'host', '--no-cache', '--build-arg', `PORT=${port}`]
  await build([...options, ...outputs, join(repository, 'fixtures/debian')], { store })
  mkdirSync(files)
  const keeping = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-p']
  execFileSync('tar', ['-x', ...keeping, '-f', `${files}.tar`, '-C', files])
  return { layout, files, rootfs: unpackWithUmoci(layout, 'latest', unpacked) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return address.port
}

function of(name: string): Places {
  const found = places.get(name)
  if (found === undefined) throw new Error(`nothing was built in ${name}`)
  return found
}

describe.each(sandboxes)('nginx installed on Debian in the sandbox %s', (name) => {
  test('is an image whose tree, as umoci unpacks it, is that of the steps', () => {
    const tree = describeTree(of(name).rootfs)
    expect(tree).toEqual(describeTree(of(name).files))
    for (const line of [
      'tmp d 1777 0:0 ',
      'usr/bin/passwd f 4755 0:0 ',
      'home/web d 755 1000:1000 ',
      'srv/site/index.html f 640 1000:33 ',
      'security.capability=0x0100000200040000000000000000000000000000',
    ])
      expect(tree).toContain(line)
  })

  test('is an image that skopeo can read', () => {
    const shown = execFileSync('skopeo', ['inspect', `oci:${of(name).layout}:latest`], { encoding: 'utf8' })
    expect(JSON.parse(shown)).toMatchObject({
      Os: 'linux',
      Env: expect.arrayContaining(['DEBIAN_FRONTEND=noninteractive']) as unknown,
    })
  })
})

test('both sandboxes leave the same files, but for logs and caches', () => {
  const volatile = /var\/log\/|var\/cache\/(apt|ldconfig)\//
  const files = (name: string) => describeTree(of(name).rootfs).filter((line) => !volatile.test(line))
  expect(files('native')).toEqual(files('oci'))
})

test('the image, run by an OCI runtime, serves its page', async ({ skip }) => {
  const bundle = join(folder.path, 'bundle')
  execFileSync('cp', ['-a', dirname(of('native').rootfs), bundle])
  prepareBundle(join(bundle, 'config.json'))
  const failures: string[] = []
  for (const runtime of ['runc', 'crun']) {
    const outcome = await serve(runtime, bundle)
    if (outcome.page !== undefined) {
      expect(outcome.page).toBe(readFileSync(join(repository, 'fixtures/debian/site/index.html'), 'utf8'))
      return
    }
    failures.push(`${runtime}: ${outcome.said}`)
  }
  if (failures.some((text) => text.includes('nginx'))) throw new Error(failures.join('\n')) // it ran, and did not do what it should
  console.log(`no container can run here: ${failures.join('; ')}`)
  skip(failures.join('; '))
})

interface Served {
  readonly page: string | undefined
  readonly said: string
}

async function serve(runtime: string, bundle: string): Promise<Served> {
  const id = `stave-test-${process.pid}`
  const global = ['--root', join(folder.path, runtime), ...(runtime === 'crun' ? ['--cgroup-manager=disabled'] : [])]
  const child = spawn(runtime, [...global, 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', (error) => (said += error.message))
  })
  try {
    for (let tries = 0; tries < 400 && child.exitCode === null && child.signalCode === null; tries++) {
      const page = await fetch(`http://127.0.0.1:${port}/`).then(
        (response) => response.text(),
        () => undefined,
      )
      if (page !== undefined) return { page, said }
      await sleep(25)
    }
    return { page: undefined, said: said.trim() }
  } finally {
    if (child.exitCode === null) execFileSync(runtime, [...global, 'kill', id, 'KILL'], { stdio: 'pipe' })
    await ended
  }
}

/** The bundle that umoci makes, with the machine's network and what Docker lets a container's root do. */
function prepareBundle(path: string): void {
  const config = JSON.parse(readFileSync(path, 'utf8')) as {
    process: { terminal: boolean; capabilities: Readonly<Record<string, readonly string[]>> }
    linux: { namespaces: { readonly type: string }[] }
  }
  config.process.terminal = false
  const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID', 'NET_BIND_SERVICE', 'KILL'].map(
    (name) => `CAP_${name}`,
  )
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities }
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
  writeFileSync(path, JSON.stringify(config))
}
