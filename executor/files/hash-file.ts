import { createHash, hash } from 'node:crypto'
import { closeSync, readSync } from 'node:fs'
import { openFile } from '../tree/open-file.ts'
import type { HashFile } from './selection-digest.ts'

/** All files pass through it: memory for each would have to be collected. */
const buffer = Buffer.allocUnsafe(1024 * 1024)

/** Digest of a file's content: 64 hex digits.
 *  @throws {BuildError} `CONTEXT_INVALID` for what is no longer a file */
export const hashFile: HashFile = (hostPath, { sizeBytes }) => {
  const file = openFile(hostPath)
  try {
    let got = readSync(file, buffer)
    if (got === sizeBytes && got < buffer.length) return hash('sha256', buffer.subarray(0, got))
    const hashing = createHash('sha256')
    for (; got > 0; got = readSync(file, buffer)) hashing.update(buffer.subarray(0, got))
    return hashing.digest('hex')
  } finally {
    closeSync(file)
  }
}
