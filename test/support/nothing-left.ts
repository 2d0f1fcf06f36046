import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { becomeSubreaper } from '../../executor/linux/index.ts'
import { descendantsOf, mountsBelow } from './leftovers.ts'

/** Stands around the whole run of the tests, and fails it when anything is left of them: files, processes, mounts, cgroups, network namespaces, a store where
 *  users have theirs. Whatever the tests put into the system's temporary folder goes into one of the run's own, so that other runs on this machine are not mistaken for
 *  this one. */
export default function watchRun(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stave-'))
  chmodSync(folder, 0o1777) // for tests as ordinary users
  process.env['TMPDIR'] = folder
  // Processes that lose their parents come to us, instead of being lost among those of the machine.
  becomeSubreaper()
  const before = lasting()
  return async () => {
    const look = (): readonly string[] => [
      ...readdirSync(folder).map((name) => `file ${join(folder, name)}`),
      ...processesLeft().map((line) => `process ${line}`),
      ...mountsBelow(folder).map((line) => `mount ${line}`),
      ...lasting().filter((line) => !before.includes(line)),
    ]
    let left = look()
    // What a killed process leaves is gone a moment after it.
    for (let tries = 0; left.length > 0 && tries < 50; tries++) {
      await sleep(100)
      left = look()
    }
    if (left.length === 0) {
      rmdirSync(folder)
      return
    }
    // It stays for whoever looks into it: to remove it could mean to remove what is mounted there.
    process.exitCode = 1 // vitest shows what a teardown throws, and calls it no failure
    throw new Error(`the tests have left behind:\n${left.map((line) => `  ${line}`).join('\n')}`)
  }
}

/** What belongs to the machine rather than to a folder or a process. */
function lasting(): readonly string[] {
  const stores = ['/var/lib/stave', join(process.env['HOME'] ?? '/root', '.local/share/stave')].filter(existsSync)
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  return [
    ...stores.map((path) => `store ${path}`),
    ...namespaces.map((name) => `network namespace ${name}`),
    ...deadCgroups().map((path) => `cgroup ${path}`),
  ]
}

/** Control groups called after the lease of a stave process that is gone: `stave-<namespace>.<pid>.…`. Those of other runs are in use. */
function deadCgroups(): readonly string[] {
  return execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', 'stave-*'], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && !existsSync(`/proc/${/stave-\d+\.(\d+)\./.exec(path)?.[1] ?? 'none'}`))
}

/** Our descendants, but for the workers that tests ran in, and what vitest itself has started. */
function processesLeft(): readonly string[] {
  return descendantsOf(process.pid).flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return command === '' || /vitest|esbuild/.test(command) ? [] : [`${pid} ${command}`] // without a command line it has ended already
    } catch {
      return []
    }
  })
}
