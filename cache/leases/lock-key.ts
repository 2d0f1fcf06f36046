import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
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
 *  Every holder and waiter has a numbered ticket, an empty file named after the key, and the lowest number holds the lock: Lamport's
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
  const ticket = new Ticket(storeRoot, key, lease, mode)
  try {
    signal?.throwIfAborted()
    ticket.draw()
    for (let waitMs = 2; !(await ticket.isFirst()); waitMs = Math.min(waitMs * 2, 50)) {
      await waitFor(waitMs, signal)
    }
  } catch (error) {
    ticket.drop()
    throw naming(locksFolder(storeRoot), error)
  }
  return lockOf(key, ticket)
}

/** Holds `key` alone if that can be had at once. `undefined`: somebody holds it, or is about to.
 *  @throws {BuildError} `DISK_FULL` */
export async function tryLockKey(storeRoot: string, key: string, lease: Lease): Promise<KeyLock | undefined> {
  const ticket = new Ticket(storeRoot, key, lease, 'exclusive')
  try {
    ticket.draw()
    if (await ticket.isFirst()) return lockOf(key, ticket)
    ticket.drop()
    return undefined
  } catch (error) {
    ticket.drop()
    throw naming(locksFolder(storeRoot), error)
  }
}

function lockOf(key: string, ticket: Ticket): KeyLock {
  return {
    key,
    [Symbol.asyncDispose]: () => {
      ticket.drop()
      return Promise.resolve()
    },
  }
}

/** Removes the tickets of leases that are over, also for keys that nobody will ever ask for again. */
export async function sweepLocks(storeRoot: string): Promise<void> {
  const locks = locksFolder(storeRoot)
  for (const file of await namesIn(locks)) {
    const ticket = findTicket(file)
    if (ticket === undefined || !(await isLeaseOver(storeRoot, ownerOf(ticket), Date.now()))) continue
    await rm(join(locks, file), { force: true })
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

/** Drawing one takes some microseconds, and nobody waits for the disk: a build draws one for each step. */
class Ticket {
  readonly #storeRoot: string
  readonly #lease: Lease
  readonly #key: string
  readonly #holder: string
  #number = 0

  constructor(storeRoot: string, key: string, lease: Lease, mode: LockMode) {
    this.#storeRoot = storeRoot
    this.#lease = lease
    this.#key = createHash('sha256').update(key).digest('hex').slice(0, keyDigits)
    this.#holder = `${lease.owner}~${uniqueName(mode)}`
  }

  /** Others wait while a ticket numbered 0 is there, so that nobody overlooks a number that is being drawn. */
  draw(): void {
    this.#place(0)
    const highest = Math.max(...this.#tickets().map(({ number }) => number), 0)
    this.#place(highest + 1)
    this.#number = highest + 1
    rmSync(this.#path(0), { force: true })
  }

  async isFirst(): Promise<boolean> {
    const ahead = this.#tickets().filter((other) => this.#isAhead(other))
    let first = true
    for (const ticket of ahead) {
      const isOver = await isLeaseOver(this.#storeRoot, ownerOf(ticket), Date.now())
      if (isOver) rmSync(join(locksFolder(this.#storeRoot), ticket.file), { force: true })
      else first = false
    }
    return first
  }

  drop(): void {
    rmSync(this.#path(0), { force: true })
    if (this.#number > 0) rmSync(this.#path(this.#number), { force: true })
  }

  #isAhead(other: PlacedTicket): boolean {
    if (other.holder === this.#holder) return false
    if (isShared(other.holder) && isShared(this.#holder)) return false
    if (other.number !== this.#number) return other.number < this.#number
    return other.holder < this.#holder
  }

  /** Another name of one empty file of the lease, where names may share a file: there is nothing to make then, and nothing to free. */
  #place(number: number): void {
    const blank = join(this.#lease.path, 'ticket')
    for (;;) {
      try {
        linkSync(blank, this.#path(number))
        return
      } catch (error) {
        const code = systemCode(error) ?? ''
        if (code === 'ENOENT') {
          mkdirSync(locksFolder(this.#storeRoot), { recursive: true })
          writeFileSync(blank, '', { flag: 'a' })
        } else if (cannotLink.includes(code)) {
          writeFileSync(this.#path(number), '', { flag: 'wx' })
          return
        } else throw error
      }
    }
  }

  /** Those for the same key, in every process. */
  #tickets(): readonly PlacedTicket[] {
    const names = readdirSync(locksFolder(this.#storeRoot))
    return names.filter((name) => name.startsWith(`${this.#key}~`)).flatMap((name) => findTicket(name) ?? [])
  }

  #path(number: number): string {
    return join(locksFolder(this.#storeRoot), `${this.#key}~${number}~${this.#holder}`)
  }
}

/** So many that no two keys meet, and so few that a name, which holds an owner as well, is not too long for any file system. */
const keyDigits = 32

/** From file systems without hard links, or where a file has as many as it may. */
const cannotLink: readonly string[] = ['EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

function findTicket(file: string): PlacedTicket | undefined {
  const match = /^[0-9a-f]+~(\d+)~(.+)$/.exec(file)
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
