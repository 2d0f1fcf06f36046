import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

/** Who uses the store: one process of one boot, seen from one pid namespace. Several owners may be one process. */
export interface Owner {
  /** Inode of the pid namespace, decimal; `0` where /proc does not tell. */
  readonly pidNamespace: string
  readonly pid: number
  /** When the process started, in clock ticks since boot, decimal; `0` where /proc does not tell. */
  readonly startedAtTicks: string
  /** 32 hex digits, drawn by the kernel at each boot. */
  readonly boot: string
  /** 16 hex digits: tells owners of one process apart. */
  readonly nonce: string
}

const unknownBoot = '0'.repeat(32)

/** A new owner: this process. */
export function thisProcess(): Owner {
  return {
    pidNamespace: pidNamespace(),
    pid: process.pid,
    startedAtTicks: procShowsOurNamespace() ? (startTicksOf('self') ?? '0') : '0',
    boot: bootId(),
    nonce: randomBytes(8).toString('hex'),
  }
}

/** A valid file name. */
export function formatOwner({ pidNamespace, pid, startedAtTicks, boot, nonce }: Owner): string {
  return `${pidNamespace}.${pid}.${startedAtTicks}.${boot}.${nonce}`
}

/** `undefined` for a name that is not an owner's. */
export function findOwner(name: string): Owner | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.([0-9a-f]{32})\.([0-9a-f]{16})$/.exec(name)
  if (match === null) return undefined
  const [, pidNamespace = '', pid = '', startedAtTicks = '', boot = '', nonce = ''] = match
  return { pidNamespace, pid: Number(pid), startedAtTicks, boot, nonce }
}

/** Whether the owner's process runs. `unknown`: it belongs to a pid namespace that we cannot see into, such as another container's. */
export function fateOf(owner: Owner): 'alive' | 'gone' | 'unknown' {
  const here = bootId()
  if (owner.boot !== here && owner.boot !== unknownBoot && here !== unknownBoot) return 'gone'
  if (owner.boot !== here || owner.pidNamespace === '0' || owner.pidNamespace !== pidNamespace()) return 'unknown'
  if (!exists(owner.pid)) return 'gone'
  if (owner.startedAtTicks === '0' || !procShowsOurNamespace()) return 'alive'
  const startedAtTicks = startTicksOf(String(owner.pid))
  return startedAtTicks === owner.startedAtTicks ? 'alive' : 'gone'
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH') // EPERM: it is there, and another user's
  }
}

function bootId(): string {
  return (
    remembered('boot', () =>
      readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '').toLowerCase(),
    ) ?? unknownBoot
  )
}

function pidNamespace(): string {
  return remembered('namespace', () => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]) ?? '0'
}

/** Behind `unshare --pid`, /proc may still be that of the outer namespace, where our pids are other processes. */
function procShowsOurNamespace(): boolean {
  return remembered('proc', () => readlinkSync('/proc/self')) === String(process.pid)
}

/** Field 22 of stat; field 2, the program's name, may hold anything, even `) R 1`.
 *  @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function startTicksOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined // a zombie holds nothing any more
    return fields[19]
  } catch {
    return undefined
  }
}

const memory = new Map<string, string | undefined>()

/** These facts hold for the life of the process. `undefined` where /proc is missing or masked. */
function remembered(name: string, look: () => string | undefined): string | undefined {
  if (!memory.has(name)) {
    let value: string | undefined
    try {
      value = look()
    } catch {
      value = undefined
    }
    memory.set(name, value)
  }
  return memory.get(name)
}
