import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { inContainer } from '../support/in-container.ts'
import { lingering } from '../support/leftovers.ts'
import { Project, type ProjectOptions } from '../support/project.ts'
import { finished, startStave, untilItSays, writeFiles } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
const socket = join(folder.path, 'agent')
let base: string
let agent: ChildProcess
const keys: Record<string, string> = {}

beforeAll(async () => {
  base = makeBaseLayout(folder.path)
  for (const [name, passphrase] of [
    ['one', ''],
    ['two', ''],
    ['locked', 'passphrase'],
  ] as const) {
    keys[name] = join(folder.path, name)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', `key-${name}`, '-f', keys[name]])
  }
  chmodSync(keys['two'] ?? '', 0o644) // as a checkout of some CI leaves it
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  while (!existsSync(socket)) await sleep(10)
  execFileSync('ssh-add', ['-q', keys['one'] ?? ''], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
})
afterAll(async () => {
  const ended = new Promise((resolve) => agent.once('exit', resolve))
  agent.kill()
  await ended
  folder[Symbol.dispose]()
})

/** The client of Debian, with what it needs, so that steps can ask their agent. */
const client = (() => {
  const program = '/usr/bin/ssh-add'
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)
  return [program, ...[...libraries].map(([, path = '']) => path)]
})()

function project(dockerfile: string, options: ProjectOptions = {}): Project {
  const at = new Project(base, { Dockerfile: `FROM base\nCOPY client /\n${dockerfile}\n` }, options)
  for (const path of client) {
    // Where links of the base lead: /lib is usr/lib.
    const place = join(at.context, 'client', path.replace(/^\/lib\//, '/usr/lib/'))
    mkdirSync(join(place, '..'), { recursive: true })
    copyFileSync(path, place)
    chmodSync(place, 0o755)
  }
  return at
}

async function seenBy(at: Project, ...args: readonly string[]): Promise<string> {
  return readFileSync(join(await at.buildFiles(...args), 'seen'), 'utf8')
}

const places: Readonly<Record<string, { readonly args: readonly string[]; readonly options: ProjectOptions }>> = {
  oci: { args: ['--isolation', 'oci'], options: {} },
  native: { args: ['--isolation', 'native'], options: {} },
  'chroot that may mount': { args: ['--isolation', 'chroot'], options: {} },
  'chroot in a container': { args: [], options: { prefix: inContainer } },
}

describe.each(Object.entries(places))('in the sandbox %s', (_, { args, options }) => {
  const list = 'ssh-add -l | cut -d" " -f3'

  test('a step asks the agent that runs outside, and no trace of it stays', async () => {
    const at = project(
      `RUN --mount=type=ssh echo $SSH_AUTH_SOCK > /seen; stat -c "%F %a %u" $SSH_AUTH_SOCK >> /seen; ${list} >> /seen`,
      options,
    )
    const root = await at.buildFiles(...args, '--ssh', `default=${socket}`)
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('/run/buildkit/ssh_agent.0\nsocket 600 0\nkey-one\n')
    expect(existsSync(join(root, 'run'))).toBe(false)
  })

  test('keys get an agent of the build’s own, several ids several, and another user may ask', async () => {
    const dockerfile = [
      'USER app',
      'WORKDIR /tmp',
      `RUN --mount=type=ssh,id=both,uid=1000,mode=0600 --mount=type=ssh,id=one,target=/tmp/s,mode=0666 ${list} > /tmp/seen; SSH_AUTH_SOCK=/tmp/s ${list} >> /tmp/seen`,
    ].join('\n')
    const ssh = ['--ssh', `both=${keys['one']},${keys['two']}`, '--ssh', `one=${keys['two']}`]
    const root = await project(dockerfile, options).buildFiles(...args, ...ssh)
    expect(readFileSync(join(root, 'tmp/seen'), 'utf8')).toBe('key-one\nkey-two\nkey-two\n')
  })
})

test('the agent of the environment is the default', async () => {
  const at = project('RUN --mount=type=ssh ssh-add -l | cut -d" " -f3 > /seen', { env: { SSH_AUTH_SOCK: socket } })
  expect(await seenBy(at, '--ssh', 'default')).toBe('key-one\n')
})

test('an agent that nobody gave is no socket, or an error with its place when it is required', async () => {
  expect(await seenBy(project('RUN --mount=type=ssh [ -e $SSH_AUTH_SOCK ] || echo none > /seen'))).toBe('none\n')
  const { code, stderr } = await project('RUN --mount=type=ssh,id=git,required true').try()
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('Dockerfile:3:1: SSH_AGENT_NOT_FOUND: ssh agent git: not found'),
  ])
})

test('what cannot be an agent is told', async () => {
  const at = project('RUN --mount=type=ssh true')
  for (const [ssh, message, env] of [
    ['default', 'SSH_AUTH_SOCK is not set', { SSH_AUTH_SOCK: '' }],
    [`default=${join(folder.path, 'none')}`, 'ENOENT', {}],
    [`default=${socket},${keys['one']}`, 'one socket, or keys', {}],
    ['=x', 'it has no id', {}],
    [`default=${keys['locked']}`, `Cannot add the key ${keys['locked']}`, {}],
    [`default=${join(base, 'index.json')}`, 'Cannot add the key', {}],
  ] as const) {
    const child = startStave(['build', '--progress=plain', '--ssh', ssh, ...at.args], { store: at.store, env })
    const { code, stderr } = await finished(child)
    expect([ssh, code === 0, stderr]).toEqual([ssh, false, expect.stringContaining(message)])
    expect(stderr).not.toContain('bug in stave')
  }
})

test('a build that is killed leaves no agent behind', async () => {
  const at = project('RUN --mount=type=ssh echo began; sleep 24683')
  const child = startStave(['build', '--progress=plain', '--ssh', `default=${keys['one']}`, ...at.args], {
    store: at.store,
  })
  const ended = finished(child)
  await untilItSays(child, ' began\n')
  child.kill('SIGKILL')
  await ended
  expect(await lingering('ssh-agent -D -a agent-0')).toEqual([])
  writeFiles(at.context, { Dockerfile: 'FROM base\n' })
  await at.build()
  expect(readdirSync(join(at.store, 'v1/tmp'))).toEqual([])
})
