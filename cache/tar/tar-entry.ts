/** One member of an archive. */
export interface TarEntry {
  /** Without a leading `/`, a leading `./` or a trailing `/`; empty for the root itself. What comes from outside may hold `..`. */
  readonly path: string
  readonly type: TarEntryType
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Whole seconds since 1970; may be negative. */
  readonly mtimeSeconds: number
  /** Of a file's content; 0 for every other type. */
  readonly sizeBytes: number
  /** Of a symlink: the text it holds. Of a hard link: the path of the other name, spelled as `path` is. Else empty. */
  readonly linkName: string
  /** Of devices; else 0. */
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** Extended attributes by their full names, such as `security.capability`. Values are any bytes. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>
}

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo'

export const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

/** Everything in an archive stands in blocks of this size. */
export const blockBytes = 512

/** How many zero bytes follow a file's content. */
export function paddingAfter(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

/** Two empty blocks: the end of an archive. */
export const endMarker: Uint8Array = new Uint8Array(2 * blockBytes)
