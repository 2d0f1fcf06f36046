import { statSync } from 'node:fs'
import { hasSettled } from './has-settled.ts'

/** What was found in directories, good for as long as their times say that nothing was put into them or taken out since. */
export class DirectoryListings {
  readonly #known = new Map<string, Listing>()

  /** @param directory absolute path of a directory; @param read lists it, always in the same way */
  namesIn(directory: string, read: () => readonly string[]): readonly string[] {
    const { dev, ino, ctimeNs } = statSync(directory, { bigint: true }) // before it is read: what changes meanwhile shows afterwards
    const stamp = `${dev}:${ino}:${ctimeNs}`
    const known = this.#known.get(directory)
    if (known?.stamp === stamp) return known.names
    const settled = hasSettled(ctimeNs, BigInt(Date.now()) * 1_000_000n)
    const names = read()
    if (settled) this.#known.set(directory, { stamp, names })
    return names
  }
}

interface Listing {
  readonly stamp: string
  readonly names: readonly string[]
}
