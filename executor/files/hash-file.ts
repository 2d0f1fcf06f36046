import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { HashFile } from './selection-digest.ts'

/** All files pass through it: memory for each would have to be collected. */
const buffer = Buffer.allocUnsafe(1024 * 1024)

/** Digest of a file's content: 64 hex digits. */
export const hashFile: HashFile = (hostPath, { sizeBytes }) => {
  const file = openSync(hostPath, 'r')
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
