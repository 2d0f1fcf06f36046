import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A control group with a bound on memory. Disposing waits until nothing runs in it, and removes it. */
export interface MemoryLimit extends AsyncDisposable {
  /** Where a process writes its id to enter. */
  readonly procs: string
}

/** `undefined` where this user may make no control groups. */
export function openMemoryLimit(name: string, bytes: number): MemoryLimit | undefined {
  for (const [hierarchy, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const folder = join(hierarchy, name)
    try {
      mkdirSync(folder)
      if (existsSync(join(folder, file))) {
        writeFileSync(join(folder, file), String(bytes))
        return { procs: join(folder, 'cgroup.procs'), [Symbol.asyncDispose]: () => remove(folder) }
      }
      rmdirSync(folder)
    } catch {
      // Not this hierarchy.
    }
  }
  return undefined
}

async function remove(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      rmdirSync(folder)
      return
    } catch {
      await sleep(50)
    }
  }
  throw new Error(`something still runs in ${folder}`)
}
