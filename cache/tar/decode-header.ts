import { blockBytes } from './tar-entry.ts'

/** A header block as it stands in the archive. Texts are bytes, since only PAX says how they are encoded. */
export interface RawHeader {
  readonly typeFlag: string
  readonly name: Buffer
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly linkName: Buffer
  readonly deviceMajor: number
  readonly deviceMinor: number
}

export function isZeroBlock(block: Buffer): boolean {
  for (let index = 0; index < blockBytes; index++) if (block[index] !== 0) return false
  return true
}

/** `undefined` for a block that is no header: its checksum is wrong, or a number in it is none. Reads ustar, GNU tar's own format and the format
 *  before both. */
export function findHeader(block: Buffer): RawHeader | undefined {
  if (!isSound(block)) return undefined
  const mode = findNumber(block, 100, 8)
  const uid = findNumber(block, 108, 8)
  const gid = findNumber(block, 116, 8)
  const size = findNumber(block, 124, 12)
  const mtime = findNumber(block, 136, 12)
  if (mode === undefined || uid === undefined || gid === undefined || mtime === undefined) return undefined
  if (size === undefined || size < 0) return undefined
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const isNew = isUstar || block.toString('latin1', 257, 263) === 'ustar '
  const name = text(block, 0, 100)
  const prefix = isUstar ? text(block, 345, 155) : Buffer.alloc(0)
  return {
    typeFlag: block[156] === 0 ? '0' : block.toString('latin1', 156, 157),
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    mode,
    uid,
    gid,
    size,
    mtime,
    linkName: text(block, 157, 100),
    deviceMajor: isNew ? (findNumber(block, 329, 8) ?? 0) : 0,
    deviceMinor: isNew ? (findNumber(block, 337, 8) ?? 0) : 0,
  }
}

/** Some old archivers summed the bytes as signed numbers. */
function isSound(block: Buffer): boolean {
  const expected = findNumber(block, 148, 8)
  let unsigned = 8 * 0x20
  let signed = unsigned
  for (let index = 0; index < blockBytes; index++) {
    if (index === 148) index = 156
    const byte = block[index] as number
    unsigned += byte
    signed += byte < 128 ? byte : byte - 256
  }
  return expected === unsigned || expected === signed
}

function text(block: Buffer, start: number, length: number): Buffer {
  const zero = block.indexOf(0, start)
  return block.subarray(start, zero < 0 ? start + length : Math.min(zero, start + length))
}

/** Octal digits, with spaces and zero bytes around them; or, where the first bit is set, a big-endian number of two's complement, GNU's
 *  way to write what octal has no room for. */
function findNumber(block: Buffer, start: number, length: number): number | undefined {
  const first = block[start] as number
  if ((first & 0x80) !== 0) return findBinaryNumber(block, start, length)
  let value = 0
  let digits = 0
  for (let index = start; index < start + length; index++) {
    const byte = block[index] as number
    if (byte === 0x20 || byte === 0) {
      if (digits > 0) break
      continue
    }
    if (byte < 0x30 || byte > 0x37) return undefined
    value = value * 8 + (byte - 0x30)
    digits += 1
  }
  return value
}

function findBinaryNumber(block: Buffer, start: number, length: number): number | undefined {
  const bytes = Buffer.from(block.subarray(start, start + length))
  const isNegative = (bytes.readUInt8(0) & 0x40) !== 0
  bytes[0] = isNegative ? bytes.readUInt8(0) | 0x80 : bytes.readUInt8(0) & 0x7f
  const value = BigInt.asIntN(length * 8, BigInt(`0x${bytes.toString('hex')}`))
  return value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER) ? undefined : Number(value)
}
