import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { HashFile } from './selection-digest.ts'

/** Up to this size a file is read in one go. */
const smallFileBytes = 256 * 1024
const buffer = Buffer.allocUnsafe(1024 * 1024)

/** Digest of a file's content: 64 hex digits. Reads large files in parts. */
export const hashFile: HashFile = (hostPath, entry) => {
  const hash = createHash('sha256')
  if (entry.sizeBytes <= smallFileBytes) return hash.update(readFileSync(hostPath)).digest('hex')
  const file = openSync(hostPath, 'r')
  try {
    for (let got = readSync(file, buffer); got > 0; got = readSync(file, buffer)) hash.update(buffer.subarray(0, got))
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}
