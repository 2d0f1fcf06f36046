import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { checked, libcFunction } from './libc.ts'
import { namespaceFlags, type NamespaceKind } from './namespaces.ts'
import { syscallNumber } from './syscall.ts'

const cloneCall = libcFunction<[number, number, null, null, null, number]>(
  'long syscall(long number, unsigned long flags, void *stack, void *parentId, void *childId, unsigned long tls)',
)
const madvise = libcFunction<[bigint, number, number]>('int madvise(uint64_t address, size_t size, int advice)')

/** Doubles this process: gives 0 in the new one, which has only this thread. It becomes a *sibling*: the child of our parent, who waits for it, and process 1
 *  of a new pid namespace if that is asked for.
 *
 *  Node is not made for it. It works in a process started with `--single-threaded`, whose heap `keepHeapAcrossFork()` has kept, as long as the new process
 *  comes to `execve()` or `exitNow()` without returning to the event loop. Where the heap has grown since, the new process dies of SIGSEGV at
 *  once, before any statement: whoever waits for it may try again.
 *  @throws {LinuxError}
 *  @see https://man7.org/linux/man-pages/man2/clone.2.html (CLONE_PARENT) */
export function cloneSibling(kinds: readonly NamespaceKind[]): number {
  const parentFlag = 0x8000
  const flags = kinds.reduce((sum, kind) => sum | namespaceFlags[kind], parentFlag | constants.signals.SIGCHLD)
  return checked(cloneCall(syscallNumber('clone'), flags >>> 0, null, null, null, 0), 'clone')
}

/** V8 takes its heap out of what a forked process gets, so that starting programs is cheap. This takes that back, for the heap as it is now.
 *  @see https://man7.org/linux/man-pages/man2/madvise.2.html (MADV_DONTFORK) */
export function keepHeapAcrossFork(): void {
  const doFork = 11
  for (const { start, end } of mappingsNotForked()) {
    checked(madvise(start, Number(end - start), doFork), 'madvise')
  }
}

interface Mapping {
  readonly start: bigint
  readonly end: bigint
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html (VmFlags `dc`) */
function mappingsNotForked(): readonly Mapping[] {
  const found: Mapping[] = []
  let mapping: Mapping | undefined
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? []
    if (start !== undefined && end !== undefined) mapping = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }
    else if (mapping !== undefined && /^VmFlags:.*\bdc\b/.test(line)) found.push(mapping)
  }
  return found
}
