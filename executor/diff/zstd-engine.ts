import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { BuildError } from '../../core/errors.ts'
import { findLibzstd } from '../linux/index.ts'

/** Something that makes zstd. */
export interface ZstdEngine {
  /** Two that are called the same make the same bytes. */
  readonly name: string
  /** One frame, made beside this thread. The source may not change meanwhile. */
  compress(source: Uint8Array, level: number): Promise<Uint8Array>
}

/** @param places that are looked in, in this order
 *  @throws {BuildError} `UNSUPPORTED` if there is none in any */
export async function findZstdEngine(places = zstdPlaces): Promise<ZstdEngine> {
  for (const find of Object.values(places)) {
    const engine = await find()
    if (engine !== undefined) return engine
  }
  throw new BuildError('UNSUPPORTED', 'Cannot compress with zstd: this Node has no zstd, and none is installed', {
    hint: 'Use Node 22.15 or newer, or install the library libzstd.so.1 or the program "zstd" (packages libzstd1, zstd).',
  })
}

type FindEngine = () => ZstdEngine | undefined | Promise<ZstdEngine | undefined>

export const zstdPlaces: Readonly<Record<string, FindEngine>> = {
  node: findInNode,
  library: findInLibrary,
  program: findProgram,
}

interface ZstdOptions {
  readonly params: Readonly<Record<number, number>>
  readonly pledgedSrcSize: number
}

/** `undefined` before Node 22.15. */
function findInNode(): ZstdEngine | undefined {
  if (!('zstdCompress' in zlib)) return undefined
  const compressInPool = promisify(
    zlib.zstdCompress as (
      source: Uint8Array,
      options: ZstdOptions,
      callback: (error: Error | null, result: Uint8Array) => void,
    ) => void,
  )
  const { ZSTD_c_compressionLevel: levelKey } = zlib.constants as unknown as {
    readonly ZSTD_c_compressionLevel: number
  }
  return {
    name: `node ${process.versions['zstd'] ?? process.version}`,
    compress: (source, level) =>
      compressInPool(source, { params: { [levelKey]: level }, pledgedSrcSize: source.length }),
  }
}

function findInLibrary(): ZstdEngine | undefined {
  const library = findLibzstd()
  return library && { name: `libzstd ${library.version}`, compress: (source, level) => library.compress(source, level) }
}

/** `undefined`: it is not installed. */
async function findProgram(): Promise<ZstdEngine | undefined> {
  try {
    const version = await runZstd(['--version'], new Uint8Array())
    return {
      name: version.toString().trim(),
      compress: (source, level) => runZstd(['-q', '-c', '--ultra', '--no-check', '-T1', `-${level}`], source),
    }
  } catch {
    return undefined
  }
}

async function runZstd(args: readonly string[], input: Uint8Array): Promise<Buffer> {
  const program = spawn('zstd', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const exit = once(program, 'close')
  program.stdin.on('error', () => undefined) // its status tells
  program.stdin.end(input)
  const [output, [status]] = await Promise.all([buffer(program.stdout), exit as Promise<[number | null]>])
  if (status !== 0) throw new Error(`zstd ended with status ${status}`)
  return output
}
