import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { namesIn, naming, systemCode, uniqueName } from '../disk/index.ts'
import type { Lease } from './lease.ts'
import { isLeaseOver } from './lease-over.ts'

/** Held until disposed of. */
export interface KeyLock extends AsyncDisposable {
  readonly key: string
}

/** `shared` holders hold a key together, but not with an `exclusive` one. */
export type LockMode = 'exclusive' | 'shared'

/** Waits until no other holder of `key` is left that it cannot be shared with, here or in another process, and holds it then. Holders are served in the order
 *  in which they came. Those whose lease is over (disposed of, or its process gone) lose their place.
 *
 *  Every holder and waiter has a numbered ticket, an empty file in the key's folder, and the lowest number holds the lock: Lamport's
 *  bakery. A lock that is one file with its owner inside cannot be broken safely: of two processes that both saw a dead owner, the slower
 *  one takes away what the quicker one has just locked. Here a name is never used twice, so removing a dead owner's ticket
 *  hurts nobody, however late it comes.
 *  @throws `signal.reason` when aborted while waiting
 *  @throws {BuildError} `DISK_FULL` */
export async function lockKey(
  storeRoot: string,
  key: string,
  lease: Lease,
  signal?: AbortSignal,
  mode: LockMode = 'exclusive',
): Promise<KeyLock> {
  const folder = folderOf(storeRoot, key)
  const ticket = new Ticket(folder, lease, mode)
  try {
    signal?.throwIfAborted()
    await ticket.draw()
    for (let waitMs = 2; !(await ticket.isFirst(storeRoot)); waitMs = Math.min(waitMs * 2, 50)) {
      await waitFor(waitMs, signal)
    }
  } catch (error) {
    await ticket.drop()
    throw naming(folder, error)
  }
  return { key, [Symbol.asyncDispose]: () => ticket.drop() }
}

/** Holds `key` alone if that can be had at once. `undefined`: somebody holds it, or is about to.
 *  @throws {BuildError} `DISK_FULL` */
export async function tryLockKey(storeRoot: string, key: string, lease: Lease): Promise<KeyLock | undefined> {
  const folder = folderOf(storeRoot, key)
  const ticket = new Ticket(folder, lease, 'exclusive')
  try {
    await ticket.draw()
    if (await ticket.isFirst(storeRoot)) return { key, [Symbol.asyncDispose]: () => ticket.drop() }
    await ticket.drop()
    return undefined
  } catch (error) {
    await ticket.drop()
    throw naming(folder, error)
  }
}

function folderOf(storeRoot: string, key: string): string {
  return join(locksFolder(storeRoot), createHash('sha256').update(key).digest('hex'))
}

/** Removes the tickets of leases that are over, also for keys that nobody will ever ask for again. */
export async function sweepLocks(storeRoot: string): Promise<void> {
  const locks = locksFolder(storeRoot)
  for (const name of await namesIn(locks)) {
    const folder = join(locks, name)
    for (const file of await namesIn(folder)) {
      const ticket = findTicket(file)
      if (ticket === undefined || !(await isLeaseOver(storeRoot, ownerOf(ticket), Date.now()))) continue
      await rm(join(folder, file), { force: true })
    }
    await rmdir(folder).catch(() => undefined) // somebody stands in it
  }
}

function locksFolder(storeRoot: string): string {
  return join(storeRoot, 'locks')
}

/** @throws `signal.reason`, where `sleep` would throw an `AbortError` with it inside. */
async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

interface PlacedTicket {
  readonly file: string
  /** Zero while its owner still draws a number. */
  readonly number: number
  /** Owner and nonce: breaks the tie of two who drew the same number. */
  readonly holder: string
}

class Ticket {
  readonly #folder: string
  readonly #holder: string
  #number = 0

  constructor(folder: string, { owner }: Lease, mode: LockMode) {
    this.#folder = folder
    this.#holder = `${owner}~${uniqueName(mode)}`
  }

  /** Others wait while a ticket numbered 0 is there, so that nobody overlooks a number that is being drawn. */
  async draw(): Promise<void> {
    await this.#place(0)
    const highest = Math.max(...(await this.#tickets()).map(({ number }) => number), 0)
    await this.#place(highest + 1)
    this.#number = highest + 1
    await rm(this.#path(0), { force: true })
  }

  async isFirst(storeRoot: string): Promise<boolean> {
    const ahead = (await this.#tickets()).filter((other) => this.#isAhead(other))
    let first = true
    for (const ticket of ahead) {
      const isOver = await isLeaseOver(storeRoot, ownerOf(ticket), Date.now())
      if (isOver) await rm(join(this.#folder, ticket.file), { force: true })
      else first = false
    }
    return first
  }

  async drop(): Promise<void> {
    await rm(this.#path(0), { force: true })
    if (this.#number > 0) await rm(this.#path(this.#number), { force: true })
    await rmdir(this.#folder).catch(() => undefined) // others stand in it, or have removed it
  }

  #isAhead(other: PlacedTicket): boolean {
    if (other.holder === this.#holder) return false
    if (isShared(other.holder) && isShared(this.#holder)) return false
    if (other.number !== this.#number) return other.number < this.#number
    return other.holder < this.#holder
  }

  /** The folder goes with its last ticket, perhaps between our making it and our use of it. */
  async #place(number: number): Promise<void> {
    for (;;) {
      try {
        await writeFile(this.#path(number), '', { flag: 'wx' })
        return
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
        await mkdir(this.#folder, { recursive: true })
      }
    }
  }

  async #tickets(): Promise<readonly PlacedTicket[]> {
    return (await readdir(this.#folder)).flatMap((file) => findTicket(file) ?? [])
  }

  #path(number: number): string {
    return join(this.#folder, `${number}~${this.#holder}`)
  }
}

function findTicket(file: string): PlacedTicket | undefined {
  const match = /^(\d+)~(.+)$/.exec(file)
  if (match === null) return undefined
  const [, number = '', holder = ''] = match
  return { file, number: Number(number), holder }
}

function isShared(holder: string): boolean {
  return holder.includes('~shared-')
}

function ownerOf({ holder }: PlacedTicket): string {
  const [owner = ''] = holder.split('~')
  return owner
}
