import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from '../../core/errors.ts'
import { isErrno } from '../linux/index.ts'
import { cgroupPath, hierarchies, ownPath } from './cgroups.ts'
import { guardedHierarchy, restrictDevices } from './device-guard.ts'

/** A control group of one run's own, below one that the user has named, in every hierarchy. Disposing removes it, once everything in it has ended, and
 *  those above it that were made for it. */
export interface RunCgroup extends AsyncDisposable {
  /** Calls a function that starts a process, without waiting for anything, so that the process is in the group from its beginning. */
  startInside<T>(start: () => T): T
}

/** @param parent absolute path below each hierarchy; @param name of the run's scratch folder; @param devices `all` for a process that was given some of the
 *  machine's; another opens harmless ones only
 *  @throws {BuildError} `SANDBOX_UNAVAILABLE` where this user may make none */
export function openRunCgroup(parent: string, name: string, devices: 'harmless' | 'all'): RunCgroup {
  const made: string[] = []
  const all = hierarchies()
  try {
    const groups = all.map((hierarchy) => ({
      hierarchy,
      own: join(hierarchy.path, ownPath(hierarchy)),
      group: makeGroup(hierarchy.path, cgroupPath(name, parent), made),
    }))
    if (groups.length === 0) throw unavailable(parent, 'there are no control groups here')
    const guarded = groups.find(({ hierarchy }) => hierarchy === guardedHierarchy(all))
    if (guarded !== undefined && devices === 'harmless') restrictDevices(guarded.hierarchy, guarded.group)
    return {
      startInside: (start) => {
        try {
          for (const { group } of groups) enter(group)
          return start()
        } finally {
          for (const { own } of groups) enter(own)
        }
      },
      [Symbol.asyncDispose]: () => removeGroups(made),
    }
  } catch (error) {
    for (const path of made.reverse()) rmdirSync(path)
    if (!(error instanceof Error) || !isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOENT')) throw error
    throw unavailable(parent, error.message)
  }
}

function makeGroup(hierarchy: string, path: string, made: string[]): string {
  let at = hierarchy
  for (const part of path.split('/').filter((name) => name !== '')) {
    at = join(at, part)
    if (existsSync(at)) continue
    mkdirSync(at)
    made.push(at)
    takeProcessors(at)
  }
  return at
}

/** A group of cgroup v1 without processors and memory nodes takes no process.
 *  @see https://man7.org/linux/man-pages/man7/cpuset.7.html */
function takeProcessors(path: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const [own, above] = [join(path, name), join(dirname(path), name)]
    if (existsSync(own) && existsSync(above) && readFileSync(own, 'utf8').trim() === '')
      writeFileSync(own, readFileSync(above, 'utf8'))
  }
}

/** Zero stands for whoever writes it. */
function enter(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), '0')
}

async function removeGroups(made: readonly string[]): Promise<void> {
  for (const path of [...made].reverse()) {
    for (let attempt = 0; attempt < 100 && !isRemoved(path); attempt++) await sleep(5)
  }
}

/** One that others use meanwhile stays. */
function isRemoved(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTEMPTY')) return true
    if (isErrno(error, 'EBUSY')) return false
    throw error
  }
}

function unavailable(parent: string, why: string): BuildError {
  return new BuildError('SANDBOX_UNAVAILABLE', `Cannot use the control group ${parent}: ${why}`, {
    hint: 'Control groups are made by root, where /sys/fs/cgroup can be written to: leave out --cgroup-parent elsewhere.',
  })
}
