import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Processes, as `<pid> <command line>`, whose command line or environment holds the text. */
export function processesWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
      return `${command}\n${read(`/proc/${pid}/environ`)}`.includes(text) ? [`${pid} ${command}`] : []
    })
}

/** Waits until no process holds the text.
 *  @returns those that are still there after `withinMs` */
export async function lingering(text: string, withinMs = 10_000): Promise<readonly string[]> {
  const end = Date.now() + withinMs
  let found = processesWith(text)
  while (found.length > 0 && Date.now() < end) {
    await sleep(20)
    found = processesWith(text)
  }
  return found
}

/** Mounts below a folder, in every mount namespace that a process of this machine is in. */
export function mountsBelow(folder: string): readonly string[] {
  const seen = new Set<string>()
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const namespace = link(`/proc/${pid}/ns/mnt`)
      if (namespace === '' || seen.has(namespace)) return []
      seen.add(namespace)
      return read(`/proc/${pid}/mounts`)
        .split('\n')
        .filter((line) => line.split(' ')[1]?.startsWith(folder) === true)
    })
}

/** Control groups that a stave process has made for its steps, in every hierarchy. They are called after its lease, and that after its id. */
export function cgroupsOf(pid: number): readonly string[] {
  return execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `stave-*.${pid}.*`], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
}

/** The process's children, from the first generation to the last. */
export function descendantsOf(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child.trim() !== '')
    .map(Number)
  return [...children, ...children.flatMap(descendantsOf)]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process ended meanwhile
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
