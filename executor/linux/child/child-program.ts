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
  const memory = new ProgramMemory(headerWords + calls.length * callWords)
  const addressOfCall = (index: number): bigint => memory.addressOfWord(headerWords + index * callWords)
  memory.setWord(0, flags)
  memory.setWord(1, addressOfCall(0))
  for (const [index, { name, args, tolerate }] of calls.entries()) {
    const at = headerWords + index * callWords
    memory.setWord(at, BigInt(syscallNumber(name)))
    memory.setWord(at + resultAt, memory.addressOfWord(at + resultWord))
    memory.setWord(at + tolerateAt, tolerate ? 1n : 0n)
    for (let position = 0; position < mostArguments; position++) {
      const argument = args[position] ?? null
      const own = at + valuesAt + position
      if (isResult(argument)) {
        const source = headerWords + argument.call * callWords + resultWord
        memory.setWord(at + argumentsAt + position, memory.addressOfWord(source))
      } else {
        memory.setWord(at + argumentsAt + position, memory.addressOfWord(own))
        memory.setWord(own, memory.valueOf(argument))
      }
    }
  }
  return {
    address: memory.addressOfWord(0),
    failure: () => {
      const failed = memory.word(2)
      if (failed === 0n) return undefined
      const call = Number((failed - addressOfCall(0)) / BigInt(callWords * wordBytes))
      return { call, errno: Number(-BigInt.asIntN(64, memory.word(3))) }
    },
  }
}

/** Words, and the bytes that they point to, none of which moves. */
class ProgramMemory {
  readonly #words: BigUint64Array
  readonly #address: bigint
  /** Kept from the collector while the process reads them. */
  readonly #pointedTo: Uint8Array[] = []

  constructor(words: number) {
    const bytes = fixedBytes(words * wordBytes)
    this.#words = new BigUint64Array(bytes.buffer, bytes.byteOffset, words)
    this.#address = addressOf(bytes)
  }

  word(index: number): bigint {
    return this.#words[index] ?? 0n
  }

  setWord(index: number, value: bigint): void {
    this.#words[index] = BigInt.asUintN(64, value)
  }

  addressOfWord(index: number): bigint {
    return this.#address + BigInt(index * wordBytes)
  }

  valueOf(argument: Exclude<CallArgument, CallResult>): bigint {
    if (argument === null) return 0n
    if (typeof argument === 'number' || typeof argument === 'bigint') return BigInt(argument)
    if (typeof argument === 'string') return this.#pointerTo(Buffer.from(`${argument}\0`))
    if (argument instanceof Uint8Array) return this.#pointerTo(argument)
    const words = argument.words.map((word) => this.valueOf(word))
    const list = BigUint64Array.from(words)
    return this.#pointerTo(new Uint8Array(list.buffer))
  }

  #pointerTo(bytes: Uint8Array): bigint {
    const fixed = fixedBytes(bytes.byteLength)
    fixed.set(bytes)
    this.#pointedTo.push(fixed)
    return addressOf(fixed)
  }
}

/** Memory that the collector does not move, aligned for words. */
function fixedBytes(size: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.max(size, wordBytes)).fill(0)
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
