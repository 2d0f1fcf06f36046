/** How bytes are packed, as their first bytes tell. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz'

/** How many first bytes it takes to tell. */
export const sniffedBytes = 6

/** An archive that is not compressed begins with a name, and none of these is the beginning of one.
 *  @param firstBytes at least `sniffedBytes`, or all there are */
export function compressionOf(firstBytes: Uint8Array): Compression {
  const begins = (...magic: readonly number[]) => magic.every((byte, index) => firstBytes[index] === byte)
  if (begins(0x1f, 0x8b)) return 'gzip'
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd'
  // A frame of user data, 0x184d2a50 to 5f, with which some compressors begin.
  const [first = 0] = firstBytes
  if (first >= 0x50 && first <= 0x5f && begins(first, 0x2a, 0x4d, 0x18)) return 'zstd'
  if (begins(0x42, 0x5a, 0x68)) return 'bzip2'
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz'
  return 'none'
}
