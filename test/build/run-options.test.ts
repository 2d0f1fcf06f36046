import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBaseLayout } from '../support/base-image.ts'
import { Project } from '../support/project.ts'
import { cachedSteps, finished, startStave } from '../support/stave.ts'
import { openTemporaryFolder } from '../support/temporary-folder.ts'

const folder = openTemporaryFolder()
let base: string

beforeAll(() => {
  base = makeBaseLayout(folder.path)
})
afterAll(() => folder[Symbol.dispose]())

function project(dockerfile: string): Project {
  return new Project(base, { Dockerfile: `FROM base\n${dockerfile}\n` })
}

/** What the files hold that the steps made. */
async function madeBy(dockerfile: string, paths: readonly string[], ...args: readonly string[]) {
  const root = await project(dockerfile).buildFiles(...args)
  return paths.map((path) => readFileSync(join(root, path), 'utf8'))
}

function processesIn(group: string): readonly string[] {
  try {
    return readFileSync(join(group, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter((pid) => pid !== '')
  } catch {
    return [] // it is gone
  }
}

/** In all hierarchies. */
function groupsBelow(parent: string): readonly string[] {
  const { stdout } = spawnSync('find', ['/sys/fs/cgroup', '-path', `*/${parent}*`, '-type', 'd'], { encoding: 'utf8' })
  return stdout.split('\n').filter((path) => path !== '')
}

describe.each(['oci', 'native', 'chroot'])('in the sandbox %s', (isolation) => {
  test('hosts are added, with this machine for host-gateway', async () => {
    const hosts = ['--add-host', 'db:10.0.0.1', '--add-host', 'v6=[fd00::1]', '--add-host', 'here=host-gateway']
    const [seen] = await madeBy('RUN cat /etc/hosts > /seen', ['seen'], '--isolation', isolation, ...hosts)
    expect(seen?.split('\n').slice(2)).toEqual(['10.0.0.1\tdb', 'fd00::1\tv6', '127.0.0.1\there', ''])
  })

  test('limits are those asked for', async () => {
    const limits = ['--ulimit', 'nofile=70:80', '--ulimit', 'core=0']
    const script = 'RUN ulimit -Sn > /soft; ulimit -Hn > /hard; ulimit -Hc > /core'
    const seen = await madeBy(script, ['soft', 'hard', 'core'], '--isolation', isolation, ...limits)
    expect(seen).toEqual(['70\n', '80\n', '0\n'])
  })

  test('processes are in a control group below the one asked for, which is gone when they are', async () => {
    const parent = `stave-parent-${process.pid}-${isolation}`
    const args = ['--isolation', isolation, '--cgroup-parent', `/${parent}/sub`]
    const at = project('RUN sleep 0.5')
    const child = startStave(['build', '--progress=plain', ...args, ...at.args], { store: at.store })
    const seen = new Set<string>()
    const watching = setInterval(() => {
      for (const path of groupsBelow(parent)) if (processesIn(path).length > 0) seen.add(path)
    }, 5)
    const { code, stderr } = await finished(child)
    clearInterval(watching)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    expect([...seen].some((path) => new RegExp(`/${parent}/sub/stave-`).test(path))).toBe(true)
    expect(groupsBelow(parent)).toEqual([])
  })

  test('a limit above ours fails the step, and says what ours is', async () => {
    const { code, stderr } = await project('RUN true').try('--isolation', isolation, '--ulimit', `nofile=1:${2 ** 40}`)
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Cannot set the limit nofile to 1099511627776: ours is'),
    ])
    expect(stderr).toContain('Dockerfile:2:1: OPTION_INVALID')
  })
})

describe.each(['oci', 'native'])('in the sandbox %s', (isolation) => {
  test('/dev/shm has the size asked for', async () => {
    const script = 'RUN df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2 > /seen'
    expect(await madeBy(script, ['seen'], '--isolation', isolation, '--shm-size', '8m')).toEqual(['8192\n'])
  })

  test('--security=insecure has what the machine has, where it is allowed', async () => {
    const script = 'RUN --security=insecure mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted > /seen'
    expect(await madeBy(script, ['seen'], '--isolation', isolation, '--allow', 'security.insecure')).toEqual([
      'mounted\n',
    ])
  })
})

test('what reaches beyond the sandbox is refused before anything is done, unless it is allowed', async () => {
  const insecure = await project('RUN --security=insecure true').try()
  expect([insecure.code, insecure.stderr]).toEqual([1, expect.stringContaining('--allow security.insecure')])
  const host = await project('RUN --network=host true').try()
  expect([host.code, host.stderr]).toEqual([1, expect.stringContaining('Dockerfile:2:1: NOT_ALLOWED')])
  await project('RUN --network=host true').build('--allow', 'network.host')
  await project('RUN --network=host true').build('--network', 'host')
})

test('addresses of hosts change nothing, names and limits do', async () => {
  const app = project('RUN cat /etc/hosts > /seen')
  const cachedWith = async (...args: readonly string[]) => cachedSteps((await app.try(...args)).stderr).length === 2
  await app.build('--add-host', 'db=10.0.0.1')
  expect(await cachedWith('--add-host', 'db=10.0.0.2')).toBe(true)
  expect(await cachedWith('--add-host', 'other=10.0.0.1')).toBe(false)
  expect(await cachedWith('--add-host', 'db=10.0.0.1', '--ulimit', 'core=0')).toBe(false)
  expect(await cachedWith('--add-host', 'db=10.0.0.1', '--shm-size', '1m')).toBe(false)
})
