import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  closeProcess,
  isErrno,
  killOrphans,
  openProcess,
  processStat,
  reapOrphans,
  signalProcess,
  waitForProcess,
  type ProcessEnd,
} from '../linux/index.ts'

import type { SandboxExit } from './sandbox.ts'

/** Processes that are being started by somebody else than us: they come to us as orphans, and may have ended before we know their ids. */
let starting = 0

/** To be held from before a runtime starts a process until `supervise()` has been called with its id. Until then nobody's end is taken note of
 *  without being asked for. */
export function announceStart(): Disposable {
  starting++
  return {
    [Symbol.dispose]: () => {
      starting--
    },
  }
}

/** Follows the first process of a pid namespace to its end. When that is over the kernel has ended every other process in there.
 *  Aborting kills it, and waits as well. Must be our child, or an orphan that comes to us.
 *  @param killsBefore `outOfMemoryKills()` from before it started */
export async function supervise(pid: number, signal: AbortSignal, killsBefore: number): Promise<SandboxExit> {
  const pidfd = openProcess(pid)
  supervised.add(pid)
  const kill = (): void => killProcess(pidfd)
  signal.addEventListener('abort', kill)
  try {
    if (signal.aborted) kill()
    await adopted(pid)
    return explain(await waitForProcess(pidfd), () => outOfMemoryKills() > killsBefore)
  } finally {
    signal.removeEventListener('abort', kill)
    closeProcess(pidfd)
    supervised.delete(pid)
    if (starting === 0) reapOrphans(supervised)
  }
}

/** A shell says 128 and the signal when its command was killed; with memory short it is plain what happened. */
function explain(end: ProcessEnd, hasMemoryRunOut: () => boolean): SandboxExit {
  const shellSaysKilled = 128 + constants.signals.SIGKILL
  if (end.kind === 'signaled') return { ...end, outOfMemory: end.signal === 'SIGKILL' && hasMemoryRunOut() }
  return end.code === shellSaysKilled && hasMemoryRunOut()
    ? { kind: 'signaled', signal: 'SIGKILL', outOfMemory: true }
    : end
}

const supervised = new Set<number>()

/** Ends what the processes that are over have left, where no pid namespace did so. */
export function endLeftovers(): Promise<void> {
  return killOrphans(supervised)
}

/** For when a runtime has failed: it may have left a process that is about to end, which has come to us. */
export async function reapRuntime(): Promise<void> {
  for (let attempt = 0; attempt < 20 && reapOrphans(supervised) === 0; attempt++) await setTimeout(5)
}

/** A runtime lets go of the process by ending, and may be about to when we hear that the process runs. */
async function adopted(pid: number): Promise<void> {
  for (let attempt = 0; processStat(pid)?.parent !== process.pid; attempt++) {
    if (attempt > 2000) throw new Error(`process ${pid} did not become ours`)
    await (attempt < 50 ? setImmediate() : setTimeout(5))
  }
}

function killProcess(pidfd: number): void {
  try {
    signalProcess(pidfd, 'SIGKILL')
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

/** How many processes this machine has killed for want of memory since it started; also those of a cgroup that was full.
 *  @see https://man7.org/linux/man-pages/man5/proc_vmstat.5.html (oom_kill) */
export function outOfMemoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // hidden from us: then we cannot tell
  }
}
