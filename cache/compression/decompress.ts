import * as zlib from 'node:zlib'
import { BuildError } from '../../core/errors.ts'
import { archiveInvalid } from './archive-invalid.ts'
import { compressionOf, sniffedBytes, type Compression } from './compression.ts'
import { peek } from './peek.ts'
import { startDecompressor, throughProgram } from './through-program.ts'
import { through } from './through.ts'

/** The bytes that `source` holds: decompressed as their beginning tells, or as they are. The source is read to its end; breaking off closes it.
 *
 *  gzip, and zstd where this Node knows it, are zlib's. Else the programs `zstd`, `bzip2` and `xz` do it, where they are installed: they are
 *  several times quicker than what npm has, know every variant of their formats, and run beside us. Where they are missing, as in most
 *  container images, packages do it (`fzstd`, `unbzip2-stream`, `xz-decompress`): slower, but present.
 *  @throws {BuildError} `ARCHIVE_INVALID`; errors of the source as they are */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const { first, all } = await peek(source, sniffedBytes)
  yield* decompressAs(compressionOf(first), all)
}

/** As `decompress`, where the format is known. */
export function decompressAs(compression: Compression, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source
    case 'gzip':
      return throughZlib(source, zlib.createGunzip({ chunkSize: 256 * 1024 }))
    case 'zstd':
      return unzstd(source)
    case 'bzip2':
      return unbzip2(source)
    case 'xz':
      return unxz(source)
    default:
      return compression satisfies never
  }
}

async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const native = nativeZstd()
  if (native === undefined) {
    yield* byProgramOr('zstd', source, async () => (await import('./unzstd-in-process.ts')).unzstdInProcess)
  } else yield* throughZlib(source, native)
}

function unbzip2(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return byProgramOr('bzip2', source, async () => (await import('./unbzip2-in-process.ts')).unbzip2InProcess)
}

function unxz(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return byProgramOr('xz', source, async () => (await import('./unxz-in-process.ts')).unxzInProcess)
}

type Decompressor = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

async function* byProgramOr(
  name: string,
  source: AsyncIterable<Uint8Array>,
  load: () => Promise<Decompressor>,
): AsyncGenerator<Uint8Array> {
  const program = await startDecompressor(name)
  if (program !== undefined) yield* throughProgram(source, program)
  else yield* (await load())(source)
}

/** Since Node 22.15. */
function nativeZstd(): zlib.Gunzip | undefined {
  if (!('createZstdDecompress' in zlib)) return undefined
  return (zlib.createZstdDecompress as () => zlib.Gunzip)()
}

async function* throughZlib(source: AsyncIterable<Uint8Array>, machine: zlib.Gunzip): AsyncGenerator<Uint8Array> {
  try {
    yield* through(source, { input: machine, output: machine })
  } catch (error) {
    throw isZlibError(error) ? archiveInvalid(error.message, error) : error
  }
}

function isZlibError(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof BuildError || !('code' in error)) return false
  return typeof error.code === 'string' && /^(Z_|ZSTD_)/.test(error.code)
}
