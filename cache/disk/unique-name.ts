import { randomBytes } from 'node:crypto'

const drawn = randomBytes(8).toString('hex')
let used = 0

/** A file name that no other process, thread or call has. */
export function uniqueName(prefix: string): string {
  used += 1
  return `${prefix}-${drawn}-${used}`
}
