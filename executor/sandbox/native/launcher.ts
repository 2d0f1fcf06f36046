import { closeSync, readSync, writeSync } from 'node:fs'
import {
  bindAllCalls,
  cloneSibling,
  getLimit,
  ignoreInterrupts,
  keepHeapAcrossFork,
  reopenDescriptor,
  setLimit,
  type NamespaceKind,
} from '../../linux/index.ts'
import { hasFilter, seccompProgram } from '../seccomp/index.ts'
import { enterSandbox, type EntryTools } from './enter-sandbox.ts'
import type { LaunchReply, LaunchRequest } from './launch-request.ts'

/** A process of its own (`node --single-threaded launcher.js`), which doubles itself for every build step: starting Node takes some hundred milliseconds, doubling it
 *  a few. It waits for requests by reading, not in an event loop, so nothing is going on in it when it doubles. It ends when standard input does.
 *
 *  Nobody in it may import from `node:process`: that touches `process.stdin`, which makes reading it non-blocking. */
function main(): void {
  const coreLimit = getLimit('core')
  // A double that finds its heap missing dies of SIGSEGV, which is no reason to write files.
  setLimit('core', { soft: 0, hard: coreLimit.hard })
  const program = hasFilter(process.arch) ? seccompProgram(process.arch) : undefined
  bindAllCalls()
  ignoreInterrupts()
  keepHeapAcrossFork()
  keepHeapAcrossFork() // what the first time took to read
  for (let line = readLine(); line !== undefined; line = readLine()) {
    const request = JSON.parse(line) as LaunchRequest
    answer(launch(request, { seccompProgram: program, coreLimit }))
  }
}

function launch(request: LaunchRequest, tools: Omit<EntryTools, 'descriptors'>): LaunchReply {
  if (request.heapHasGrown) keepHeapAcrossFork()
  const opened: number[] = []
  const open = (fd: number, flags: 'r' | 'w'): number => {
    const own = reopenDescriptor(request.executorPid, fd, flags)
    opened.push(own)
    return own
  }
  try {
    const [input, output, error, status] = request.descriptors
    const descriptors = [open(input, 'r'), open(output, 'w'), open(error, 'w'), open(status, 'w')] as const
    const kinds: readonly NamespaceKind[] = request.confinement.kind === 'namespaces' ? ['pid'] : []
    const pid = cloneSibling(kinds)
    if (pid === 0) enterSandbox(request, { ...tools, descriptors })
    return { kind: 'started', pid }
  } catch (error) {
    return { kind: 'refused', message: error instanceof Error ? error.message : String(error) }
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

function answer(reply: LaunchReply): void {
  writeSync(1, `${JSON.stringify(reply)}\n`)
}

const chunk = Buffer.allocUnsafeSlow(1 << 16)
let buffered = Buffer.alloc(0)

/** `undefined`: there are no more. */
function readLine(): string | undefined {
  for (;;) {
    const end = buffered.indexOf(10)
    if (end >= 0) {
      const line = buffered.toString('utf8', 0, end)
      buffered = buffered.subarray(end + 1)
      return line
    }
    const sizeBytes = readSync(0, chunk)
    if (sizeBytes === 0) return undefined
    buffered = Buffer.concat([buffered, chunk.subarray(0, sizeBytes)])
  }
}

main()
