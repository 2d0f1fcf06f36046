import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { BuildError } from '../../core/errors.ts'
import { compressionOf, decompress } from '../compression/index.ts'
import { findHeader, isZeroBlock } from './decode-header.ts'
import { readTar } from './read-tar.ts'
import { blockBytes } from './tar-entry.ts'

/** Whether a first member can be read, compressed or not, whatever the file is called. */
export async function isArchive(path: string): Promise<boolean> {
  try {
    for await (const _ of readTar(openArchive(path))) return true
    return false
  } catch (error) {
    if (error instanceof BuildError && error.code === 'ARCHIVE_INVALID') return false
    throw error
  }
}

/** Whether the file is meant to be an archive, as its first bytes tell: compressed, or with a header. Whether it is a whole one is another matter. */
export async function looksLikeArchive(path: string): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(blockBytes), 0, blockBytes, 0)
    return beginsLikeArchive(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** Whether these are the first bytes of what is meant to be an archive: at least a block, if there are that many. */
export function beginsLikeArchive(bytes: Uint8Array): boolean {
  const first = Buffer.from(bytes.subarray(0, blockBytes))
  if (compressionOf(first) !== 'none') return true
  return first.length === blockBytes && !isZeroBlock(first) && findHeader(first) !== undefined
}

/** The archive's bytes, decompressed. */
export function openArchive(path: string): AsyncIterable<Uint8Array> {
  return decompress(createReadStream(path, { highWaterMark: 256 * 1024 }))
}
