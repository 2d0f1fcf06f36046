import { callInPool, loadLibrary, type CArgument } from './libc.ts'

/** The machine's own zstd library. */
export interface Libzstd {
  /** Such as `1.5.4`. */
  readonly version: string
  /** One frame, made in Node's thread pool. The source may not change meanwhile. */
  compress(source: Uint8Array, level: number): Promise<Uint8Array>
}

/** `undefined`: there is none.
 *  @see https://facebook.github.io/zstd/zstd_manual.html#Chapter3 */
export function findLibzstd(): Libzstd | undefined {
  const library = loadLibrary('libzstd.so.1')
  if (library === undefined) return undefined
  const version = library.func('const char *ZSTD_versionString()') as () => string
  const bound = library.func('size_t ZSTD_compressBound(size_t sourceSize)') as (sourceSize: number) => number
  const isError = library.func('unsigned int ZSTD_isError(size_t code)') as (code: number | bigint) => number
  const errorName = library.func('const char *ZSTD_getErrorName(size_t code)') as (code: number | bigint) => string
  const compress = library.func(
    'size_t ZSTD_compress(void *target, size_t targetSize, const void *source, size_t sourceSize, int level)',
  )
  return {
    version: version(),
    async compress(source, level) {
      const target = Buffer.allocUnsafeSlow(bound(source.length))
      const args: readonly CArgument[] = [target, target.length, source, source.length, level]
      const size = await callInPool(compress, args)
      if (isError(size) !== 0) throw new Error(`ZSTD_compress: ${errorName(size)}`)
      // Nearly all of the target is empty most of the time, and results wait for their turn.
      return Buffer.from(target.subarray(0, Number(size)))
    },
  }
}
