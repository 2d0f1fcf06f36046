import { readdirSync, readFileSync, rmdirSync, statfsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isErrno, unmount } from '../linux/index.ts'

const namePrefix = 'stave-'

/** Path of a run's cgroup, below every hierarchy.
 *  @param name of the run's scratch folder; @param parent path of the one above it */
export function cgroupPath(name: string, parent = '/'): string {
  return join(parent, `${namePrefix}${name}`)
}

/** Removes the cgroup of one run from every hierarchy; idempotent. One that is in use stays. */
export function removeCgroup(name: string, parent = '/'): void {
  for (const { path } of hierarchies()) removeTree(join(path, cgroupPath(name, parent)))
}

/** Removes the cgroups that were made for runs, in every hierarchy, if the names of their scratch folders begin so: what a build that was
 *  killed has left. Those in use stay.
 *  @param parents paths of those that they may be below */
export function removeLeftoverCgroups(scratchPrefix: string, parents: readonly string[] = ['/']): void {
  for (const { path } of hierarchies()) {
    for (const above of parents.map((parent) => join(path, parent))) {
      const left = directoriesIn(above).filter((name) => name.startsWith(`${namePrefix}${scratchPrefix}`))
      for (const name of left) removeTree(join(above, name))
    }
  }
}

/** crun will not work where cgroup v1 and v2 are mounted beside each other and v2 has controllers, although it is told to leave cgroups alone.
 *  Taking v2 out of sight helps. Only for a process with a mount namespace of its own. Where it may not, crun will complain. */
export function hideHybridCgroups(): void {
  const unified = '/sys/fs/cgroup/unified'
  try {
    if (isCgroup2(unified)) unmount(unified, 'lazy')
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EINVAL')) throw error
  }
}

function isCgroup2(path: string): boolean {
  const cgroup2Magic = 0x63677270
  try {
    return statfsSync(path).type === cgroup2Magic
  } catch {
    return false
  }
}

export interface Hierarchy {
  /** Where it is mounted. */
  readonly path: string
  /** Which part of it is. */
  readonly root: string
  /** Controllers of version 1, with `name=…` of one without any; none of version 2. */
  readonly names: readonly string[]
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
export function hierarchies(): readonly Hierarchy[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => {
      const [, , , root = '/', path = ''] = line.split(' ')
      const options = (line.split(' - ')[1] ?? '').split(' ')[2] ?? ''
      return { path, root, names: / - cgroup2 /.test(line) ? [] : options.split(',').filter((name) => name !== 'rw') }
    })
}

/** Where we are, below the hierarchy's place here.
 *  @see https://man7.org/linux/man-pages/man7/cgroups.7.html (/proc/pid/cgroup) */
export function ownPath({ root, names }: Hierarchy): string {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  const line = lines.find((text) => {
    const controllers = (text.split(':')[1] ?? '').split(',')
    return names.length === 0 ? controllers.join() === '' : controllers.some((name) => names.includes(name))
  })
  const path = line?.split(':').slice(2).join(':') ?? '/'
  return relative(root, path)
}

function removeTree(path: string): void {
  for (const name of directoriesIn(path)) removeTree(join(path, name))
  removeDirectory(path)
}

function directoriesIn(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return []
    throw error
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EBUSY', 'ENOTEMPTY', 'EACCES', 'EPERM', 'EROFS')) throw error
  }
}
