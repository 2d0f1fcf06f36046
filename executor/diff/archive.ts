import { closeSync, readSync } from 'node:fs'
import { encodeTarHeader, endMarker, paddingAfter, type TarEntry } from '../../cache/tar/index.ts'
import { openFile } from '../tree/open-file.ts'
import { readTarget } from '../tree/read-target.ts'
import { nameOf, parentOf, joinTreePath, type TreeEntry } from '../tree/tree-reader.ts'
import type { LayerChange, PresentChange } from './layer-changes.ts'

/** Large enough that hashing and compressing calls are few, small enough to stay in the processor's cache. */
const chunkBytes = 256 * 1024

/** Is told what goes where, when it does. */
export interface ArchiveObserver {
  /** @param contentOffset where in the archive its content begins */
  add(change: PresentChange, contentOffset: number): void
  /** Another name of a file that was added. */
  link(path: string, existing: string): void
}

/** The changes as an archive: headers, contents, padding and end mark, in chunks that hold until the next one is asked for. */
export function archiveChunks(changes: Iterable<LayerChange>, observer?: ArchiveObserver): Generator<Uint8Array> {
  const position = { bytes: 0 }
  return chunked(archiveParts(changes, position, observer), position)
}

/** How far an archive has got. */
interface Position {
  bytes: number
}

/** Small parts gathered into large chunks, all in the same memory: a layer of any size leaves nothing to be collected. */
function* chunked(parts: Iterable<Uint8Array>, position: Position): Generator<Uint8Array> {
  const chunk = Buffer.allocUnsafe(chunkBytes)
  let filled = 0
  for (const part of parts) {
    position.bytes += part.length
    let taken = 0
    while (taken < part.length) {
      const room = Math.min(part.length - taken, chunkBytes - filled)
      chunk.set(part.subarray(taken, taken + room), filled)
      taken += room
      filled += room
      if (filled === chunkBytes) {
        yield chunk
        filled = 0
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

function* archiveParts(
  changes: Iterable<LayerChange>,
  position: Readonly<Position>,
  observer: ArchiveObserver | undefined,
): Generator<Uint8Array> {
  const firstNames = new Map<string, string>()
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (const change of changes) {
    if (change.kind === 'removed') {
      yield encodeTarHeader(whiteout(change.path))
      continue
    }
    const { path, entry, hostPath } = change
    const firstName = entry.type === 'file' && entry.linkCount > 1 ? firstNames.get(entry.fileId) : undefined
    if (firstName !== undefined) {
      yield encodeTarHeader({
        ...tarEntry(path, entry, new Map()),
        type: 'hardlink',
        linkName: firstName,
        sizeBytes: 0,
      })
      observer?.link(path, firstName)
      continue
    }
    if (entry.linkCount > 1) firstNames.set(entry.fileId, path)
    const found = { ...change, target: targetOf(change) }
    yield encodePresent(found)
    observer?.add(found, position.bytes)
    if (entry.type === 'file') yield* fileContent(hostPath, entry.sizeBytes, buffer)
  }
  yield endMarker
}

/** One entry of an archive by itself, in parts that hold until the next one is asked for. */
export function* memberParts(change: PresentChange): Generator<Uint8Array> {
  const { entry, hostPath } = change
  yield encodePresent({ ...change, target: targetOf(change) })
  if (entry.type === 'file')
    yield* fileContent(hostPath, entry.sizeBytes, Buffer.allocUnsafe(Math.min(entry.sizeBytes, chunkBytes)))
}

function encodePresent({ path, entry, xattrs, target = '' }: PresentChange): Uint8Array {
  return encodeTarHeader({ ...tarEntry(path, entry, xattrs), linkName: target })
}

function targetOf({ entry, target, hostPath }: PresentChange): string {
  return entry.type === 'symlink' ? (target ?? readTarget(hostPath)) : ''
}

/** @see https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
function whiteout(path: string): TarEntry {
  return {
    path: joinTreePath(parentOf(path), `.wh.${nameOf(path)}`),
    type: 'file',
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    sizeBytes: 0,
    linkName: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  }
}

function tarEntry(path: string, entry: TreeEntry, xattrs: ReadonlyMap<string, Uint8Array>): TarEntry {
  if (entry.type === 'socket') throw new Error('layerChanges() leaves sockets out')
  const { type, mode, uid, gid, sizeBytes, deviceMajor, deviceMinor } = entry
  const mtimeSeconds = wholeSeconds(entry.mtimeNs)
  return { path, type, mode, uid, gid, mtimeSeconds, sizeBytes, linkName: '', deviceMajor, deviceMinor, xattrs }
}

/** Rounded down, before 1970 too. */
function wholeSeconds(timeNs: bigint): number {
  const perSecond = 1_000_000_000n
  return Number((timeNs - (((timeNs % perSecond) + perSecond) % perSecond)) / perSecond)
}

/** A file that got shorter while it was packed: one of a frozen layer changed behind our back, or one of a context by its owner. */
export class FileShrank extends Error {
  override readonly name = 'FileShrank'
}

/** Exactly as many bytes as the header promised, then zeroes up to the block's end.
 *  @throws {FileShrank}
 *  @throws {BuildError} `CONTEXT_INVALID` for what is no longer a file */
function* fileContent(hostPath: string, sizeBytes: number, buffer: Buffer): Generator<Uint8Array> {
  if (sizeBytes === 0) return
  const file = openFile(hostPath)
  try {
    for (let left = sizeBytes; left > 0;) {
      const got = readSync(file, buffer, 0, Math.min(left, buffer.length), null)
      if (got === 0) throw new FileShrank(`${hostPath} ended ${left} bytes before its size`)
      left -= got
      yield buffer.subarray(0, got)
    }
  } finally {
    closeSync(file)
  }
  yield endMarker.subarray(0, paddingAfter(sizeBytes))
}
