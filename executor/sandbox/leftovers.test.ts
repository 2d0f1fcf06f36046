import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeBusyboxRoot } from '../../test/support/busybox-root.ts'
import { openRemoteSandbox } from '../../test/support/remote-sandbox.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { removeLeftoverCgroups, type SandboxProcess } from './index.ts'

const runc = '/usr/sbin/runc'

function prepare(script: string): { readonly process: SandboxProcess; readonly folder: string } {
  const folder = temporaryFolder()
  const [root, scratch] = [join(folder, 'root'), join(folder, `run-${basename(folder)}`)]
  for (const path of [root, scratch]) mkdirSync(path)
  makeBusyboxRoot(root)
  const process: SandboxProcess = {
    ...{ root, scratch, argv: ['sh', '-c', script], env: ['PATH=/bin'], cwd: '/', uid: 0, gid: 0, groups: [] },
    ...{ hostname: 'h', network: 'default', security: 'sandbox', mounts: [], shmSizeBytes: 1 << 20, ulimits: [] },
  }
  return { process, folder }
}

/** Processes whose command line holds the text. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLineOf(pid).includes(text))
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function mountsUnder(folder: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder))
}

/** An only runtime on a search path. */
function pathWith(program: string): string {
  const folder = temporaryFolder()
  execFileSync('ln', ['-s', program, folder])
  return folder
}

describe.each(['oci', 'native', 'runc'] as const)('%s, killed at work', (name) => {
  test.skipIf(name === 'runc' && !existsSync(runc))('leaves no process and no mount', async () => {
    const seconds = String(1_000_000 + Math.floor(Math.random() * 1_000_000))
    const { process: wanted, folder } = prepare(`sleep ${seconds} & (setsid sleep ${seconds} &); sleep ${seconds}`)
    const options = name === 'runc' ? { searchPath: pathWith(runc) } : {}
    await using sandbox = await openRemoteSandbox(name === 'runc' ? 'oci' : name, options)
    const running = sandbox.run(wanted, { signal: new AbortController().signal, onOutput: () => undefined })
    const outcome = expect(running).rejects.toThrow()
    while (processesWith(seconds).length < 3) await setTimeout(20)
    sandbox.kill()
    await outcome
    while (processesWith(seconds).length > 0) await setTimeout(20)
    expect(mountsUnder(folder)).toEqual([])
    removeLeftoverCgroups(basename(wanted.scratch))
    expect(spawnSync('find', ['/sys/fs/cgroup', '-name', basename(wanted.scratch)]).stdout.toString()).toBe('')
  })
})

/** A memory cgroup, where this machine lets us make one. */
function openMemoryCgroup(limitBytes: number): string | undefined {
  const name = `stave-test-${String(process.pid)}`
  const [v1, v2] = [`/sys/fs/cgroup/memory/${name}`, `/sys/fs/cgroup/${name}`]
  try {
    const [folder, file] = existsSync('/sys/fs/cgroup/memory') ? [v1, 'memory.limit_in_bytes'] : [v2, 'memory.max']
    mkdirSync(folder)
    onTestFinished(() => rmdirSync(folder))
    writeFileSync(join(folder, file), String(limitBytes))
    return folder
  } catch {
    return undefined
  }
}

test.each([
  ['oci', 'the command', 'exec tail /dev/zero'],
  ['native', 'the command', 'exec tail /dev/zero'],
  ['native', 'what a shell started', 'tail /dev/zero; exit $?'],
] as const)('%s tells when memory ran out for %s', async (name, _, script) => {
  const cgroup = openMemoryCgroup(200 << 20)
  if (cgroup === undefined) {
    console.log('No memory cgroup can be made here.')
    return
  }
  const { process: wanted } = prepare(script)
  await using sandbox = await openRemoteSandbox(name, { cgroup })
  const exit = await sandbox.run(wanted, { signal: new AbortController().signal, onOutput: () => undefined })
  expect(exit).toEqual({ kind: 'signaled', signal: 'SIGKILL', outOfMemory: true })
})
