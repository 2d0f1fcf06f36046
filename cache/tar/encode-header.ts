import { encodePaxRecords } from './pax-records.ts'
import { blockBytes, paddingAfter, type TarEntry, type TarEntryType } from './tar-entry.ts'

const typeFlags: Readonly<Record<TarEntryType, number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  'character-device': 0x33,
  'block-device': 0x34,
  directory: 0x35,
  fifo: 0x36,
}
const paxFlag = 0x78

/** Where the fields of a ustar header stand.
 *  @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 */
const at = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  linkName: 157,
  magic: 257,
  ownerNames: 265,
  deviceMajor: 329,
  deviceMinor: 337,
  prefix: 345,
} as const
const nameBytes = 100
const prefixBytes = 155
const highest7 = 0o7777777
const highest11 = 0o77777777777

/** The blocks that stand before an entry's content: one in the usual case, preceded by a PAX header where ustar has no room for what is to be
 *  said. Numeric owners only, times in whole seconds, the same bytes for the same entry: layers must not differ by who made them.
 *  Afterwards come `sizeBytes` of content and `paddingAfter(sizeBytes)` zeros. */
export function encodeTarHeader(entry: TarEntry): Uint8Array {
  const path = writtenPath(entry)
  const slash = isShort(path) ? 0 : splitAt(path)
  if (slash >= 0 && isPlain(entry)) {
    const block = Buffer.allocUnsafe(blockBytes).fill(0) // from the pool: several times quicker than memory of its own
    writeHeader(block, entry, path, slash)
    return block
  }
  return encodeWithPax(entry, path, slash)
}

/** Writes one ustar block into zeroed bytes. Numbers that do not fit are written as 0: a PAX record has them then. */
function writeHeader(block: Buffer, entry: TarEntry, path: string, slash: number): void {
  if (slash === 0) block.write(path, at.name, nameBytes, 'latin1')
  else {
    block.write(path.slice(0, slash), at.prefix, prefixBytes, 'latin1')
    block.write(path.slice(slash + 1), at.name, nameBytes, 'latin1')
  }
  writeOctal(block, at.mode, 7, entry.mode & 0o7777)
  writeOctal(block, at.uid, 7, entry.uid > highest7 ? 0 : entry.uid)
  writeOctal(block, at.gid, 7, entry.gid > highest7 ? 0 : entry.gid)
  writeOctal(block, at.size, 11, entry.type !== 'file' || entry.sizeBytes > highest11 ? 0 : entry.sizeBytes)
  writeOctal(block, at.mtime, 11, isPlainTime(entry.mtimeSeconds) ? Math.floor(entry.mtimeSeconds) : 0)
  if (entry.linkName !== '') block.write(entry.linkName, at.linkName, nameBytes, 'latin1')
  writeOctal(block, at.deviceMajor, 7, entry.deviceMajor)
  writeOctal(block, at.deviceMinor, 7, entry.deviceMinor)
  finishHeader(block, typeFlags[entry.type])
}

function finishHeader(block: Buffer, typeFlag: number): void {
  block[at.type] = typeFlag
  block.write('ustar\x0000', at.magic, 8, 'latin1')
  block.fill(0x20, at.checksum, at.checksum + 8)
  let sum = 0
  for (let index = 0; index < blockBytes; index++) {
    if (index === at.ownerNames) index = at.deviceMajor // nothing is between them
    sum += block[index] as number
  }
  writeOctal(block, at.checksum, 6, sum)
  block[at.checksum + 6] = 0
}

/** Digits from the last to the first, so that no text is made on the way. The byte behind them stays zero. */
function writeOctal(block: Buffer, start: number, digits: number, value: number): void {
  let rest = value
  let index = start + digits - 1
  for (; rest > 0x7fff_ffff; index--) {
    block[index] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
  for (; index >= start; index--) {
    block[index] = 0x30 | (rest & 7)
    rest >>= 3
  }
}

function writtenPath({ path, type }: TarEntry): string {
  if (path === '') return './'
  return type === 'directory' ? `${path}/` : path
}

function isPlain(entry: TarEntry): boolean {
  return (
    isShort(entry.linkName) &&
    entry.sizeBytes <= highest11 &&
    entry.uid <= highest7 &&
    entry.gid <= highest7 &&
    isPlainTime(entry.mtimeSeconds) &&
    entry.xattrs.size === 0
  )
}

function isShort(text: string): boolean {
  return text.length <= nameBytes && isAscii(text)
}

function isPlainTime(seconds: number): boolean {
  return seconds >= 0 && seconds <= highest11
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7e || code < 0x20) return false
  }
  return true
}

/** The slash at which a long path falls into ustar's prefix and name; negative where neither of its slashes will do. */
function splitAt(path: string): number {
  if (path.length > prefixBytes + 1 + nameBytes || !isAscii(path)) return -1
  const last = path.endsWith('/') ? path.length - 2 : path.length - 1
  const slash = path.lastIndexOf('/', Math.min(prefixBytes, last))
  return slash > 0 && path.length - slash - 1 <= nameBytes ? slash : -1
}

/** @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03 */
function encodeWithPax(entry: TarEntry, path: string, slash: number): Uint8Array {
  const records = encodePaxRecords(paxRecords(entry, path, slash))
  const bytes = Buffer.alloc(2 * blockBytes + records.length + paddingAfter(records.length))
  const paxHeader = bytes.subarray(0, blockBytes)
  paxHeader.write(paxName(entry.path), at.name, nameBytes, 'latin1')
  writeOctal(paxHeader, at.mode, 7, 0o644)
  for (const field of [at.uid, at.gid, at.deviceMajor, at.deviceMinor]) writeOctal(paxHeader, field, 7, 0)
  writeOctal(paxHeader, at.size, 11, records.length)
  writeOctal(paxHeader, at.mtime, 11, 0)
  finishHeader(paxHeader, paxFlag)
  bytes.set(records, blockBytes)
  // What a PAX record says anew is cut and made ASCII here, for the readers that know no PAX.
  const shown = slash >= 0 ? path : asciiOf(path).slice(0, nameBytes)
  const linkName = isShort(entry.linkName) ? entry.linkName : asciiOf(entry.linkName).slice(0, nameBytes)
  writeHeader(bytes.subarray(bytes.length - blockBytes), { ...entry, linkName }, shown, Math.max(slash, 0))
  return bytes
}

function paxRecords(entry: TarEntry, path: string, slash: number): ReadonlyMap<string, Uint8Array | string> {
  const records = new Map<string, Uint8Array | string>()
  if (slash < 0) records.set('path', path)
  if (!isShort(entry.linkName)) records.set('linkpath', entry.linkName)
  if (entry.type === 'file' && entry.sizeBytes > highest11) records.set('size', String(entry.sizeBytes))
  if (entry.uid > highest7) records.set('uid', String(entry.uid))
  if (entry.gid > highest7) records.set('gid', String(entry.gid))
  if (!isPlainTime(entry.mtimeSeconds)) records.set('mtime', String(Math.floor(entry.mtimeSeconds)))
  for (const [name, value] of entry.xattrs) records.set(`SCHILY.xattr.${name}`, value)
  return records
}

function paxName(path: string): string {
  return `PaxHeaders.0/${asciiOf(path.slice(path.lastIndexOf('/') + 1))}`.slice(0, nameBytes)
}

function asciiOf(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '_')
}
