import type { Owner } from '../../core/ops.ts'

/** `user`, `user:group`; nothing on one side of the colon is root. */
export function parseOwner(text: string): Owner {
  const colon = text.indexOf(':')
  if (colon < 0) return { user: text, group: undefined }
  return { user: text.slice(0, colon) || '0', group: text.slice(colon + 1) || '0' }
}
