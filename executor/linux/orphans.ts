import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isErrno } from './linux-error.ts'
import { hasEndedChild, reapChild } from './processes.ts'

/** Takes the ends of children that nobody waits for: orphans that came to us. They are told from children of Node's own, whose ends Node takes itself, by
 *  being in another session; so nobody here may start children with `detached`.
 *  @param except children in other sessions that somebody does wait for
 *  @returns how many there were */
export function reapOrphans(except: ReadonlySet<number>): number {
  if (!hasEndedChild()) return 0 // as nearly always; to look through all children takes forty calls
  const over = orphans(except).filter(({ stat }) => stat.state === 'Z')
  for (const { pid } of over) reapChild(pid)
  return over.length
}

/** Kills orphans that came to us, and all that they started, and waits until they are gone. For where no pid namespace does it.
 *  @param except as for `reapOrphans()` */
export async function killOrphans(except: ReadonlySet<number>): Promise<void> {
  for (;;) {
    reapOrphans(except)
    const left = orphans(except).map(({ pid }) => pid)
    if (left.length === 0) return
    // First nobody may run, so that nobody starts another while we look.
    const all = left.flatMap(withDescendants)
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of all) send(pid, signal)
    await setTimeout(1)
  }
}

function orphans(except: ReadonlySet<number>): readonly { readonly pid: number; readonly stat: ProcessStat }[] {
  const own = processStat('self')
  return childrenOf('self').flatMap((pid) => {
    const stat = except.has(pid) ? undefined : processStat(pid)
    return stat === undefined || stat.session === own?.session ? [] : [{ pid, stat }]
  })
}

function withDescendants(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(withDescendants)]
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_task.5.html (children) */
function childrenOf(pid: number | 'self'): readonly number[] {
  return tasksOf(pid).flatMap((task) => {
    const text = readText(`/proc/${pid}/task/${task}/children`)
    return text === undefined
      ? []
      : text
          .split(' ')
          .filter((child) => child !== '')
          .map(Number)
  })
}

function tasksOf(pid: number | 'self'): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return [] // it is gone
  }
}

export interface ProcessStat {
  /** One letter: `R`, `S`, `Z` for one that has ended, … */
  readonly state: string
  readonly parent: number
  readonly session: number
}

/** `undefined`: there is no such process (any more).
 *  @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function processStat(pid: number | 'self'): ProcessStat | undefined {
  const text = readText(`/proc/${pid}/stat`)
  // The name in parentheses may hold anything.
  const [state = '', parent, , session] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? []
  return text === undefined ? undefined : { state, parent: Number(parent), session: Number(session) }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
