import { findHeader, isZeroBlock, type RawHeader } from './decode-header.ts'
import { findPaxRecords } from './pax-records.ts'
import { blockBytes, paddingAfter } from './tar-entry.ts'

/** Where a member stands in an archive, from its first header to the padding behind its content. */
export interface MemberPlace {
  /** As in `TarEntry`. */
  readonly path: string
  readonly start: number
  readonly end: number
}

/** Hops from header to header of an archive that `encodeTarHeader()` made the headers of. What lies between is not read.
 *  @param read fills the memory with what is there from the offset on */
export function* locateMembers(read: (offset: number, bytes: Buffer) => void): Generator<MemberPlace, void, undefined> {
  const block = Buffer.alloc(blockBytes) // for one header after the other
  const readHeader = (offset: number): RawHeader | undefined => {
    read(offset, block)
    if (isZeroBlock(block)) return undefined
    const header = findHeader(block)
    if (header === undefined) throw new Error('an archive of ours has a damaged header')
    return header
  }
  for (let start = 0; ;) {
    const first = readHeader(start)
    if (first === undefined) return
    let [header, at] = [first, start]
    let records: ReadonlyMap<string, Buffer> | undefined
    if (first.typeFlag === 'x') {
      const said = Buffer.alloc(first.size)
      read(start + blockBytes, said)
      records = findPaxRecords(said)
      at += blockBytes + first.size + paddingAfter(first.size)
      header = readHeader(at) ?? first
    }
    const sizeBytes = Number(records?.get('size') ?? header.size)
    const end = at + blockBytes + sizeBytes + paddingAfter(sizeBytes)
    yield { path: trimmed((records?.get('path') ?? header.name).toString()), start, end }
    start = end
  }
}

/** A directory's name ends with a slash; the root is `./`. */
function trimmed(name: string): string {
  if (name === './') return ''
  return name.endsWith('/') ? name.slice(0, -1) : name
}
