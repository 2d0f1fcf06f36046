import { BuildError } from '../../core/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { findHeader, isZeroBlock, type RawHeader } from './decode-header.ts'
import { findPaxRecords } from './pax-records.ts'
import { blockBytes, noXattrs, paddingAfter, type TarEntry, type TarEntryType } from './tar-entry.ts'

export interface TarMember {
  readonly entry: TarEntry
  /** Where in the archive its content begins. */
  readonly offset: number
  /** The content, once. What is not read of it is passed over when the next member is asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Whatever is said about a member in blocks of its own is held in memory: this much of it at most. */
const longestHeaderBytes = 4 * 1024 * 1024

const entryTypes: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file', // "contiguous", which no system has
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
}

/** The members of an uncompressed archive, in its order: ustar, PAX with global headers, GNU tar's long names and large numbers, and the format before
 *  them all. After the end marker the source is read to its end, so that whatever verifies it comes to its verdict. Breaking off
 *  the loop closes the source.
 *  @throws {BuildError} `ARCHIVE_INVALID` */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void, undefined> {
  await using reader = new ByteReader(source)
  const extensions = new Extensions()
  for (;;) {
    const block = await reader.take(blockBytes)
    if (block.length < blockBytes) {
      if (block.length > 0 || extensions.areOpen) throw truncated()
      return
    }
    if (isZeroBlock(block)) {
      const next = await reader.take(blockBytes)
      if (next.length === blockBytes && !isZeroBlock(next)) throw invalid('an empty block stands between its members')
      await reader.skip(Infinity)
      return
    }
    const header = findHeader(block)
    if (header === undefined) throw invalid('a header is damaged, or this is no archive')
    if (extensions.takes(header.typeFlag)) {
      extensions.add(header.typeFlag, await takeWhole(reader, header.size))
      continue
    }
    const { entry, bodyBytes } = extensions.applyTo(header)
    if (entry === undefined) {
      await skip(reader, bodyBytes + paddingAfter(bodyBytes))
      continue
    }
    const body = new MemberBody(reader, bodyBytes)
    yield { entry, offset: reader.position, body }
    await body.finish()
  }
}

class MemberBody implements AsyncIterable<Uint8Array> {
  readonly #reader: ByteReader
  readonly #sizeBytes: number
  #left: number

  constructor(reader: ByteReader, sizeBytes: number) {
    this.#reader = reader
    this.#sizeBytes = sizeBytes
    this.#left = sizeBytes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#left > 0) {
      const some = await this.#reader.takeSome(this.#left)
      if (some === undefined) throw truncated()
      this.#left -= some.length
      yield some
    }
  }

  async finish(): Promise<void> {
    const rest = this.#left
    this.#left = 0
    await skip(this.#reader, rest)
    // Some archivers leave it out behind the last member, and the end marker too: then the source ends here.
    await this.#reader.skip(paddingAfter(this.#sizeBytes))
  }
}

/** What headers of their own say about the member behind them, and about all members. */
class Extensions {
  #global: ReadonlyMap<string, Buffer> = new Map()
  #next: ReadonlyMap<string, Buffer> | undefined
  #longName: Buffer | undefined
  #longLinkName: Buffer | undefined

  get areOpen(): boolean {
    return this.#next !== undefined || this.#longName !== undefined || this.#longLinkName !== undefined
  }

  takes(typeFlag: string): boolean {
    return 'xXgLK'.includes(typeFlag)
  }

  /** @see https://www.gnu.org/software/tar/manual/html_node/Standard.html for `L` and `K` */
  add(typeFlag: string, body: Buffer): void {
    switch (typeFlag) {
      case 'L':
        this.#longName = withoutZeros(body)
        return
      case 'K':
        this.#longLinkName = withoutZeros(body)
        return
      case 'g':
        this.#global = new Map([...this.#global, ...parsePax(body)])
        return
      default:
        this.#next = parsePax(body)
    }
  }

  /** `entry` is `undefined` for a member that stands for no file: a volume's label, a list of a directory. */
  applyTo(header: RawHeader): { readonly entry: TarEntry | undefined; readonly bodyBytes: number } {
    const pax = this.#global.size === 0 ? this.#next : new Map([...this.#global, ...(this.#next ?? [])])
    const name = this.#longName ?? header.name
    const linkName = this.#longLinkName ?? header.linkName
    this.#next = undefined
    this.#longName = undefined
    this.#longLinkName = undefined
    return entryOf({ ...header, name, linkName }, pax)
  }
}

function entryOf(header: RawHeader, pax: ReadonlyMap<string, Buffer> | undefined) {
  const bodyBytes = numberIn(pax, 'size') ?? header.size
  if (header.typeFlag === 'S' || pax?.has('GNU.sparse.major') === true || pax?.has('GNU.sparse.map') === true) {
    throw new BuildError('ARCHIVE_INVALID', 'Cannot read the archive: it holds a sparse file', {
      hint: 'Pack it without "--sparse".',
    })
  }
  if ('DMNVI'.includes(header.typeFlag)) return { entry: undefined, bodyBytes: header.size }
  const rawPath = textIn(pax, 'path') ?? header.name.toString('utf8')
  const type = typeOf(header.typeFlag, rawPath)
  const rawLinkName = textIn(pax, 'linkpath') ?? header.linkName.toString('utf8')
  const entry: TarEntry = {
    path: cleanPath(rawPath),
    type,
    mode: header.mode & 0o7777,
    uid: numberIn(pax, 'uid') ?? header.uid,
    gid: numberIn(pax, 'gid') ?? header.gid,
    mtimeSeconds: Math.floor(decimalIn(pax, 'mtime') ?? header.mtime),
    sizeBytes: type === 'file' ? bodyBytes : 0,
    linkName: type === 'hardlink' ? cleanPath(rawLinkName) : type === 'symlink' ? rawLinkName : '',
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: pax === undefined ? noXattrs : xattrsIn(pax),
  }
  if (entry.path.includes('\0') || entry.linkName.includes('\0')) throw invalid('a name has a zero byte in it')
  // Only files have content, whatever size the header gives: old archivers note the size of a link's target, or a directory's quota.
  return { entry, bodyBytes: entry.sizeBytes }
}

/** Before ustar, a directory was a file whose name ends with a slash. Types that nobody knows are files, as POSIX wants it. */
function typeOf(typeFlag: string, path: string): TarEntryType {
  const type = entryTypes[typeFlag] ?? 'file'
  return type === 'file' && path.endsWith('/') ? 'directory' : type
}

function cleanPath(path: string): string {
  if (!/^\/|^\.\/|\/\/|\/\.(\/|$)|\/$|^\.$/.test(path)) return path
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

const xattrPrefix = 'SCHILY.xattr.'

function xattrsIn(pax: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Uint8Array> {
  const found = [...pax].filter(([name]) => name.startsWith(xattrPrefix) && name.length > xattrPrefix.length)
  if (found.length === 0) return noXattrs
  return new Map(found.map(([name, value]) => [name.slice(xattrPrefix.length), value]))
}

/** An empty value takes back what a global header said. */
function textIn(pax: ReadonlyMap<string, Buffer> | undefined, name: string): string | undefined {
  const value = pax?.get(name)
  return value === undefined || value.length === 0 ? undefined : value.toString('utf8')
}

function numberIn(pax: ReadonlyMap<string, Buffer> | undefined, name: string): number | undefined {
  const value = textIn(pax, name)
  if (value === undefined) return undefined
  const number = /^[0-9]{1,16}$/.test(value) ? Number(value) : NaN
  if (!Number.isSafeInteger(number)) throw invalid(`its ${name} ${JSON.stringify(value.slice(0, 40))} is no number`)
  return number
}

function decimalIn(pax: ReadonlyMap<string, Buffer> | undefined, name: string): number | undefined {
  const value = textIn(pax, name)
  if (value === undefined) return undefined
  if (!/^-?[0-9]{1,15}(\.[0-9]*)?$/.test(value))
    throw invalid(`its ${name} ${JSON.stringify(value.slice(0, 40))} is no time`)
  return Number(value)
}

async function takeWhole(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes > longestHeaderBytes) throw invalid(`a header of ${sizeBytes} bytes is more than anybody needs`)
  const body = Buffer.from(await reader.take(sizeBytes)) // a copy: xattrs are views of it
  if (body.length < sizeBytes) throw truncated()
  await skip(reader, paddingAfter(sizeBytes))
  return body
}

async function skip(reader: ByteReader, count: number): Promise<void> {
  if (count > 0 && (await reader.skip(count)) < count) throw truncated()
}

function parsePax(body: Buffer): ReadonlyMap<string, Buffer> {
  const records = findPaxRecords(body)
  if (records === undefined) throw invalid('a PAX header is damaged')
  return records
}

function withoutZeros(body: Buffer): Buffer {
  const zero = body.indexOf(0)
  return zero < 0 ? body : body.subarray(0, zero)
}

function truncated(): BuildError {
  return invalid('it ends in the middle of a member')
}

function invalid(why: string): BuildError {
  return new BuildError('ARCHIVE_INVALID', `Cannot read the archive: ${why}`)
}
