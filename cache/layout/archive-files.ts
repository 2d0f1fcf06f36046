import { open, type FileHandle } from 'node:fs/promises'
import { compressionOf, sniffedBytes } from '../compression/index.ts'
import { imageInvalid } from '../documents/index.ts'
import { readTar } from '../tar/index.ts'
import type { LayoutFile, LayoutFiles } from './layout-files.ts'

const chunkBytes = 256 * 1024

/** Members of an archive, found once by hopping from header to header, then read in place. Nothing is unpacked, so no name in
 *  the archive ever becomes a path.
 *  @throws {BuildError} `IMAGE_INVALID`, `ARCHIVE_INVALID` */
export async function openArchiveFiles(path: string): Promise<LayoutFiles> {
  const file = await open(path, 'r')
  try {
    const { buffer } = await file.read(Buffer.alloc(sniffedBytes), 0, sniffedBytes, 0)
    const compression = compressionOf(buffer)
    if (compression !== 'none') {
      throw imageInvalid(path, `it is compressed with ${compression}: unpack it to a plain .tar first`)
    }
    return new ArchiveFiles(path, file, await listMembers(file))
  } catch (error) {
    await file.close()
    throw error
  }
}

type Member =
  | { readonly kind: 'file'; readonly start: number; readonly sizeBytes: number }
  /** `docker save` once wrote equal layers as links to the first. */
  | { readonly kind: 'link'; readonly target: string }

async function listMembers(file: FileHandle): Promise<ReadonlyMap<string, Member>> {
  const chunks = new FileChunks(file, 0, Infinity)
  const members = new Map<string, Member>()
  for await (const { entry, offset } of readTar({ [Symbol.asyncIterator]: () => chunks })) {
    const { path, type, linkName, sizeBytes } = entry
    if (type === 'file') members.set(path, { kind: 'file', start: offset, sizeBytes })
    else if (type === 'hardlink') members.set(path, { kind: 'link', target: linkName })
    else if (type === 'symlink') members.set(path, { kind: 'link', target: joinNames(path, linkName) })
  }
  return members
}

/** Where a symlink leads, as a name in the archive. */
function joinNames(from: string, target: string): string {
  const parts = target.startsWith('/') ? [] : from.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

class ArchiveFiles implements LayoutFiles {
  readonly path: string
  readonly #file: FileHandle
  readonly #members: ReadonlyMap<string, Member>

  constructor(path: string, file: FileHandle, members: ReadonlyMap<string, Member>) {
    this.path = path
    this.#file = file
    this.#members = members
  }

  find(name: string): Promise<LayoutFile | undefined> {
    let member = this.#members.get(name)
    for (let hops = 0; member?.kind === 'link' && hops < 4; hops++) member = this.#members.get(member.target)
    if (member?.kind !== 'file') return Promise.resolve(undefined)
    const { start, sizeBytes } = member
    const read = () => ({ [Symbol.asyncIterator]: () => new FileChunks(this.#file, start, start + sizeBytes) })
    return Promise.resolve({ sizeBytes, read })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** A stretch of a file, in chunks. */
class FileChunks implements AsyncIterator<Uint8Array> {
  readonly #file: FileHandle
  readonly #end: number
  position: number

  constructor(file: FileHandle, start: number, end: number) {
    this.#file = file
    this.position = start
    this.#end = end
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const wanted = Math.min(chunkBytes, this.#end - this.position)
    if (wanted <= 0) return { done: true, value: undefined }
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(wanted), 0, wanted, this.position)
    this.position += bytesRead
    return bytesRead === 0 ? { done: true, value: undefined } : { done: false, value: buffer.subarray(0, bytesRead) }
  }

  async seekForward(count: number): Promise<number> {
    const { size } = await this.#file.stat()
    const passed = Math.max(Math.min(count, size - this.position), 0)
    this.position += passed
    return passed
  }
}
