import { constants } from 'node:os'
import { addressOf, callCode, checked, libcFunction } from '../libc.ts'
import { entryCodeFor } from './entry-code.ts'
import { LinuxError } from '../linux-error.ts'
import { namespaceFlags, type NamespaceKind } from '../namespaces.ts'
import { reapChild } from '../processes.ts'
import { syscallNumber, type SyscallName } from '../syscall.ts'

const mmap = libcFunction<[null, number, number, number, number, number]>(
  'void *mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset)',
)
const mprotect = libcFunction<[bigint, number, number]>('int mprotect(uint64_t address, size_t size, int protection)')
const memcpy = libcFunction<[bigint, Uint8Array, number]>('void *memcpy(uint64_t to, const void *from, size_t size)')
const sigprocmask = libcFunction<[number, Uint8Array, Uint8Array | null]>(
  'int sigprocmask(int how, const void *set, void *previous)',
)
const prctl = libcFunction<[number, number, number, number, number]>(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
)

/** What a call of the program will return. */
export interface CallResult {
  readonly call: number
}

/** Text ends with a zero byte for the kernel; bytes are as they are, and may be pointed into by `pointerTo()`. `null` is a null pointer. */
export type CallArgument = number | bigint | string | Uint8Array | CallResult | PointerList | null

/** A null-terminated array of strings, as execve(2) takes it, or a structure of words of which some point to bytes. */
export interface PointerList {
  readonly words: readonly (bigint | string | Uint8Array)[]
}

export interface CallOptions {
  /** Go on whether or not it succeeds. */
  readonly tolerate?: boolean
}

interface Call {
  readonly name: SyscallName
  readonly args: readonly CallArgument[]
  readonly step: string
  readonly tolerate: boolean
}

/** The system calls that a new process is to make before it executes its program, the last of which is `execve`. They are written down here, and carried out in order by
 *  `start()`; the first that fails ends the process. */
export class ChildProgram {
  readonly #calls: Call[] = []
  #step = 'begin'

  /** Names what the calls from here on are for: a failure tells. */
  step(name: string): void {
    this.#step = name
  }

  call(name: SyscallName, args: readonly CallArgument[], { tolerate = false }: CallOptions = {}): CallResult {
    this.#calls.push({ name, args, step: this.#step, tolerate })
    return { call: this.#calls.length - 1 }
  }

  /** Starts the process, in new namespaces of these kinds, and blocks this thread until it has executed its program: a millisecond or two. Must be called in the main thread.
   *  @returns its id: a child of ours, to be waited for
   *  @throws {ChildProgramError} when a call failed: then there is no process any more
   *  @throws {LinuxError} when there could be no process, or no code for it
   *  @see https://man7.org/linux/man-pages/man2/clone.2.html (CLONE_VFORK) */
  start(namespaces: readonly NamespaceKind[]): number {
    const [sharedMemory, waitForExec] = [0x100, 0x4000]
    const flags = namespaces.reduce((sum, kind) => sum | namespaceFlags[kind], sharedMemory | waitForExec)
    const image = encode(this.#calls, BigInt((flags | constants.signals.SIGCHLD) >>> 0))
    const code = entryCode()
    const result = withSignalsBlocked(() => callCode(code, image.address))
    if (result < 0) throw new LinuxError('clone', undefined, -result)
    const failure = image.failure()
    if (failure === undefined) return result
    // It has ended, but may not be seen to have for a moment.
    while (reapChild(result) === undefined);
    const failed = this.#calls[failure.call]
    if (failed === undefined) throw new Error('a call failed that is none')
    const { step, name, args } = failed
    const path = args.find((argument) => typeof argument === 'string')
    throw new ChildProgramError(step, new LinuxError(name, path, failure.errno))
  }
}

/** A call in a new process that failed. */
export class ChildProgramError extends Error {
  override readonly name = 'ChildProgramError'
  readonly step: string
  override readonly cause: LinuxError

  constructor(step: string, cause: LinuxError) {
    super(`${step}: ${cause.message}`)
    this.step = step
    this.cause = cause
  }
}

export function isChildProgramAvailable(architecture: string): boolean {
  return entryCodeFor(architecture) !== undefined
}

let entry: bigint | undefined

/** Where the code lies, ready to be called. It is never writable and executable at once.
 *  @throws {LinuxError} `EACCES` where a security module forbids such memory */
function entryCode(): bigint {
  if (entry !== undefined) return entry
  const code = entryCodeFor(process.arch)
  if (code === undefined) throw new Error(`no code to start processes with on ${process.arch}`)
  const [read, write, execute] = [1, 2, 4]
  const [privateMap, anonymous] = [2, 0x20]
  const page = 65_536 // the largest page there is
  const address = BigInt(mmap(null, page, read | write, privateMap | anonymous, -1, 0))
  if (address === 0xffff_ffff_ffff_ffffn || address === -1n)
    throw new LinuxError('mmap', undefined, constants.errno.ENOMEM)
  memcpy(address, code, code.byteLength)
  checked(mprotect(address, page, read | execute), 'mprotect')
  entry = address
  return address
}

/** A handler of ours must not run in the new process, which shares our memory. */
function withSignalsBlocked<T>(act: () => T): T {
  const [block, setMask] = [0, 2]
  const before = new Uint8Array(128)
  checked(sigprocmask(block, new Uint8Array(128).fill(0xff), before), 'sigprocmask')
  try {
    return act()
  } finally {
    checked(sigprocmask(setMask, before, null), 'sigprocmask')
    // The other one's change of user makes memory that both have private to the kernel: /proc/self would no longer be ours.
    const setDumpable = 4
    prctl(setDumpable, 1, 0, 0, 0)
  }
}

const wordBytes = 8
const headerWords = 4
const callWords = 16
const [resultAt, argumentsAt, tolerateAt, valuesAt, resultWord] = [1, 2, 8, 9, 15]
const mostArguments = 6

interface ProgramImage {
  readonly address: bigint
  /** What went wrong, to be asked when the process has gone its way. */
  failure(): { readonly call: number; readonly errno: number } | undefined
}

/** Puts the calls into memory in the form of `entry-code.ts`. */
function encode(calls: readonly Call[], flags: bigint): ProgramImage {
  const draft = new ProgramDraft(headerWords + calls.length * callWords)
  const wordOfCall = (index: number): number => headerWords + index * callWords
  draft.setPlain(0, flags)
  draft.setPointer(1, wordOfCall(0))
  for (const [index, { name, args, tolerate }] of calls.entries()) {
    const at = wordOfCall(index)
    draft.setPlain(at, BigInt(syscallNumber(name)))
    draft.setPointer(at + resultAt, at + resultWord)
    draft.setPlain(at + tolerateAt, tolerate ? 1n : 0n)
    for (let position = 0; position < mostArguments; position++) {
      const argument = args[position] ?? null
      const own = at + valuesAt + position
      draft.setPointer(at + argumentsAt + position, isResult(argument) ? wordOfCall(argument.call) + resultWord : own)
      if (!isResult(argument)) draft.setValue(own, argument)
    }
  }
  const { words, address } = draft.finish()
  return {
    address,
    failure: () => {
      const failed = words[2] ?? 0n
      if (failed === 0n) return undefined
      const firstCall = address + BigInt(wordOfCall(0) * wordBytes)
      const call = Number((failed - firstCall) / BigInt(callWords * wordBytes))
      return { call, errno: Number(-BigInt.asIntN(64, words[3] ?? 0n)) }
    },
  }
}

/** Words, and behind them the bytes that some point to, in one piece of memory that does not move. Where it lies is known only when its size is, so pointers are noted
 *  first, as places in it. */
class ProgramDraft {
  readonly #plain: bigint[]
  /** Word -> the word that it points to. */
  readonly #toWords = new Map<number, number>()
  /** Word -> place among the bytes that it points to. */
  readonly #toBytes = new Map<number, number>()
  readonly #bytes: Uint8Array[] = []
  #byteCount = 0

  constructor(words: number) {
    this.#plain = new Array<bigint>(words).fill(0n)
  }

  setPlain(word: number, value: bigint): void {
    this.#plain[word] = value
  }

  setPointer(word: number, target: number): void {
    this.#toWords.set(word, target)
  }

  setValue(word: number, argument: Exclude<CallArgument, CallResult>): void {
    if (argument === null) return
    if (typeof argument === 'number' || typeof argument === 'bigint') this.#plain[word] = BigInt(argument)
    else if (typeof argument === 'string') this.#toBytes.set(word, this.#place(Buffer.from(`${argument}\0`)))
    else if (argument instanceof Uint8Array) this.#toBytes.set(word, this.#place(argument))
    else {
      const first = this.#plain.length
      for (let index = 0; index < argument.words.length; index++) this.#plain.push(0n)
      for (const [index, value] of argument.words.entries()) this.setValue(first + index, value)
      this.#toWords.set(word, first)
    }
  }

  finish(): { readonly words: BigUint64Array; readonly address: bigint } {
    const count = this.#plain.length
    const memory = Buffer.allocUnsafeSlow(count * wordBytes + this.#byteCount)
    const address = addressOf(memory)
    const words = new BigUint64Array(memory.buffer, memory.byteOffset, count)
    for (const [word, value] of this.#plain.entries()) words[word] = value
    for (const [word, target] of this.#toWords) words[word] = address + BigInt(target * wordBytes)
    for (const [word, place] of this.#toBytes) words[word] = address + BigInt(count * wordBytes + place)
    let place = count * wordBytes
    for (const bytes of this.#bytes) {
      memory.set(bytes, place)
      place += aligned(bytes.byteLength)
    }
    return { words, address }
  }

  #place(bytes: Uint8Array): number {
    const place = this.#byteCount
    this.#bytes.push(bytes)
    this.#byteCount += aligned(bytes.byteLength)
    return place
  }
}

/** Structures among the bytes begin at a word. */
function aligned(size: number): number {
  return Math.ceil(size / wordBytes) * wordBytes
}

function isResult(argument: CallArgument): argument is CallResult {
  return typeof argument === 'object' && argument !== null && 'call' in argument
}

/** An array of strings that a null pointer ends.
 *  @throws {LinuxError} `EINVAL` for one with a zero byte, which C would cut short */
export function stringList(strings: readonly string[]): PointerList {
  const wrong = strings.find((text) => text.includes('\0'))
  if (wrong !== undefined) throw new LinuxError('execve', wrong, constants.errno.EINVAL)
  return { words: [...strings, 0n] }
}
