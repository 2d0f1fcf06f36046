import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { LinuxError, type LinuxPath } from './linux-error.ts'

type Koffi = typeof import('koffi').default
type KoffiLibrary = ReturnType<Koffi['load']>
type KoffiFunction = ReturnType<KoffiLibrary['func']>

/** What a C function here takes. A typed array is lent to the kernel for the call; `null` is a null pointer. */
export type CArgument = number | bigint | string | null | NodeJS.TypedArray | readonly (string | null)[]
type CFunction<Arguments extends readonly CArgument[]> = (...args: Arguments) => number

let koffi: Koffi | undefined
let library: KoffiLibrary | undefined

/** Loading koffi costs some 10 ms, so it waits for the first call. Every thread loads its own. */
function loadKoffi(): Koffi {
  koffi ??= createRequire(import.meta.url)('koffi') as Koffi
  return koffi
}

/** A function of the C library that this process runs on, glibc or musl, given by its prototype. Bound at the first call.
 *  @throws {Error} at that call, if the library has no such function. */
export function libcFunction<Arguments extends readonly CArgument[]>(prototype: string): CFunction<Arguments> {
  let bound: CFunction<Arguments> | undefined
  return (...args) => (bound ??= bind<Arguments>(prototype))(...args)
}

function bind<Arguments extends readonly CArgument[]>(prototype: string): CFunction<Arguments> {
  library ??= loadKoffi().load(null)
  return library.func(prototype) as CFunction<Arguments>
}

/** Another library of the machine. `undefined`: there is none of that name. */
export function loadLibrary(name: string): KoffiLibrary | undefined {
  try {
    // A Node that has zstd exports its functions: the library would call those instead of its own.
    return loadKoffi().load(name, { deep: true })
  } catch {
    return undefined
  }
}

/** Calls a function in Node's thread pool. What is lent to it is kept until then. */
export function callInPool(bound: KoffiFunction, args: readonly CArgument[]): Promise<number | bigint> {
  return new Promise((resolve, reject) => {
    const onEnd = (error: Error | null, result: number | bigint): void =>
      error === null ? resolve(result) : reject(error)
    bound.async(...args, onEnd)
  })
}

/** The result of a call, unless it is -1: that throws what the kernel said. Must follow the call at once.
 *  @throws {LinuxError} */
export function checked(result: number, call: string, path?: LinuxPath): number {
  if (result !== -1) return result
  throw new LinuxError(call, path, lastErrno())
}

/** `errno` of the call just made in this thread. */
export function lastErrno(): number {
  return loadKoffi().errno()
}

/** The path as a C string.
 *  @throws {LinuxError} `EINVAL` for one with a zero byte, which C would cut short. */
export function cString(path: LinuxPath): string | Uint8Array {
  if (typeof path === 'string') {
    if (path.includes('\0')) throw new LinuxError('open', path, constants.errno.EINVAL)
    return path
  }
  if (path.includes(0)) throw new LinuxError('open', path, constants.errno.EINVAL)
  const terminated = new Uint8Array(path.length + 1)
  terminated.set(path)
  return terminated
}

/** Where the bytes are, for a structure that points to them. Holds for buffers that are not of V8's own small heap, and as long as they
 *  are referred to. */
export function addressOf(bytes: Uint8Array): bigint {
  return loadKoffi().address(bytes)
}

/** Calls back when the descriptor has something to read, again and again, until the result is called. */
export function watchReadable(fd: number, callback: () => void): () => void {
  const handle = loadKoffi().node.poll(fd, { readable: true }, callback)
  return () => handle.close()
}

/** Calls machine code of ours: `long code(void *argument)`. */
export function callCode(address: bigint, argument: bigint): number {
  codePrototype ??= loadKoffi().proto('int64_t code(uint64_t argument)')
  return Number(loadKoffi().call(address, codePrototype, argument))
}

let codePrototype: ReturnType<Koffi['proto']> | undefined
