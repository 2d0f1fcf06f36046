import { readdirSync, readFileSync, rmdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno, unmount } from '../../linux/index.ts'

const namePrefix = 'stave-'

/** Path of the cgroup that runc makes for a run, below every hierarchy.
 *  @param name of the run's scratch folder */
export function cgroupPath(name: string): string {
  return `/${namePrefix}${name}`
}

/** Removes the cgroup of one run from every hierarchy; idempotent. One that is in use stays. */
export function removeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) removeTree(join(hierarchy, cgroupPath(name)))
}

/** Removes the cgroups that runtimes made for runs, in every hierarchy, if the names of their scratch folders begin so: what a build that was
 *  killed has left. Those in use stay. */
export function removeLeftoverCgroups(scratchPrefix: string): void {
  for (const hierarchy of hierarchies()) {
    const left = directoriesIn(hierarchy).filter((name) => name.startsWith(`${namePrefix}${scratchPrefix}`))
    for (const name of left) removeTree(join(hierarchy, name))
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

/** @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
function hierarchies(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '')
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
