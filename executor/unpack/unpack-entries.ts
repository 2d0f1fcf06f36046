import { BuildError } from '../../core/errors.ts'
import type { TarEntry, TarMember } from '../../cache/tar/index.ts'
import { isErrno } from '../linux/index.ts'
import type { Attributes, SpecialFile } from '../files/layer-writer.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath, nameOf, parentOf, type TreeReader } from '../tree/tree-reader.ts'
import type { ArchiveTarget } from './archive-target.ts'

export interface UnpackOptions {
  /** Directory of the tree that the archive's root stands for; clean, `''` for the tree's root. */
  readonly into: string
  /** `apply`: `.wh.` names take away, as a layer means them. `keep`: they are names like others. */
  readonly whiteouts: 'apply' | 'keep'
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

/** What of an unpacked archive depends on what lies below it. */
export interface UnpackResult {
  /** Directories that the archive names only as part of other paths, from the top down. */
  readonly impliedDirectories: readonly string[]
  /** Hard links to files that the archive does not have, in its order: a layer may name one of a lower layer. */
  readonly lowerLinks: readonly LowerLink[]
}

export interface LowerLink {
  readonly path: string
  readonly target: string
}

/** Writes an archive's entries into a layer. Whatever names and links an archive holds, nothing outside `into` is written: `..` ends at `into`, links
 *  are followed as if `into` were the root, and a file never goes through a link in its last component.
 *  @throws {BuildError} `ARCHIVE_INVALID` for entries that make no sense, such as a hard link to nothing; `PATH_ESCAPES` for a name behind a link to
 *  itself; `UNSUPPORTED` for owners and devices that this user cannot make */
export async function unpackEntries(
  layer: ArchiveTarget,
  entries: AsyncIterable<TarMember>,
  options: UnpackOptions,
): Promise<UnpackResult> {
  const unpacking = new Unpacking(layer, options)
  for await (const entry of entries) await unpacking.take(entry)
  return { impliedDirectories: unpacking.impliedDirectories(), lowerLinks: unpacking.lowerLinks() }
}

class Unpacking {
  readonly #layer: ArchiveTarget
  readonly #options: UnpackOptions
  /** The tree below `into`, as if that were its root: links end there, as in a process that chroot(2) put there. */
  readonly #destination: Pick<TreeReader, 'lstat' | 'readLink'>
  readonly #implied = new Set<string>()
  readonly #lowerLinks: LowerLink[] = []
  /** Written parent path -> where it leads. Dropped when a link or a removal may have changed that. */
  readonly #parents = new Map<string, string>()

  constructor(layer: ArchiveTarget, options: UnpackOptions) {
    this.#layer = layer
    this.#options = options
    this.#destination = {
      lstat: (path) => layer.tree.lstat(this.#placeOf(path)),
      readLink: (path) => layer.tree.readLink(this.#placeOf(path)),
    }
  }

  /** But for those whose place something else has taken. */
  lowerLinks(): readonly LowerLink[] {
    return this.#lowerLinks.filter(({ path }) => this.#layer.tree.lstat(path) === undefined)
  }

  impliedDirectories(): readonly string[] {
    return [...this.#implied].sort()
  }

  async take(archived: TarMember): Promise<void> {
    const { entry, offset, body } = archived
    rejectStrangeOwner(entry)
    rejectLongPath(entry.path)
    const written = cleanArchivePath(entry.path)
    if (written === '') {
      if (this.#options.whiteouts === 'apply' && entry.type === 'directory')
        this.#layer.setDirectoryAttributes('', this.#attributes(entry))
      return
    }
    const parent = this.#parentOf(written)
    const name = nameOf(written)
    const path = joinTreePath(parent, name)
    if (this.#options.whiteouts === 'apply' && name.startsWith('.wh.')) {
      this.#whiteOut(parent, name)
      return
    }
    switch (entry.type) {
      case 'directory':
        this.#makeDirectory(path, entry)
        return
      case 'file':
        this.#replace(path)
        await this.#layer.takeContent(path, { sizeBytes: entry.sizeBytes, offset, body }, this.#attributes(entry))
        break
      case 'symlink':
        this.#replace(path)
        this.#layer.symlink(path, entry.linkName, this.#attributes(entry))
        return
      case 'hardlink':
        this.#link(path, entry)
        return
      case 'character-device':
      case 'block-device':
      case 'fifo':
        this.#makeNode(path, entry.type, entry)
        return
      default:
        entry.type satisfies never
    }
    this.#layer.setXattrs(path, keptXattrs(entry))
  }

  #parentOf(written: string): string {
    const parent = parentOf(written)
    const known = this.#parents.get(parent)
    if (known !== undefined) return known
    const real = this.#placeOf(resolvePath(this.#destination, parent).path)
    this.#imply(real)
    this.#parents.set(parent, real)
    return real
  }

  #placeOf(path: string): string {
    return path === '' ? this.#options.into : joinTreePath(this.#options.into, path)
  }

  #imply(path: string): void {
    for (let missing = path; missing !== ''; missing = parentOf(missing)) {
      const entry = this.#layer.tree.lstat(missing)
      if (entry?.type === 'directory') break
      if (entry !== undefined) this.#layer.remove(missing)
      this.#implied.add(missing)
    }
    this.#layer.ensureDirectory(path)
  }

  #makeDirectory(path: string, entry: TarEntry): void {
    const existing = this.#layer.tree.lstat(path)
    if (existing !== undefined && existing.type !== 'directory') this.#replace(path)
    this.#layer.ensureDirectory(path)
    this.#layer.setDirectoryAttributes(path, this.#attributes(entry))
    this.#layer.setXattrs(path, keptXattrs(entry))
    this.#implied.delete(path)
  }

  #link(path: string, entry: TarEntry): void {
    rejectLongPath(entry.linkName)
    const written = cleanArchivePath(entry.linkName)
    const existing = joinTreePath(this.#parentOf(written), nameOf(written))
    const target = this.#layer.tree.lstat(existing)
    if (target === undefined && this.#options.whiteouts === 'apply') {
      this.#replace(path)
      this.#lowerLinks.push({ path, target: existing })
      return
    }
    if (target === undefined || target.type === 'directory') {
      throw new BuildError(
        'ARCHIVE_INVALID',
        `Cannot link "${entry.path}" to "${entry.linkName}": the archive has no such file before it`,
      )
    }
    if (existing === path) return
    if (existing.startsWith(`${path}/`)) {
      throw new BuildError('ARCHIVE_INVALID', `Cannot link "${entry.path}" to "${entry.linkName}", which is inside it`)
    }
    this.#replace(path)
    this.#layer.link(path, existing)
    // A link's header speaks of the file that it leads to, and comes later.
    if (target.type === 'file') this.#layer.finishFile(path, this.#attributes(entry))
  }

  #makeNode(path: string, type: SpecialFile['type'], entry: TarEntry): void {
    const { deviceMajor, deviceMinor } = entry
    // To overlayfs a device 0/0 means "removed"; as an archive's entry it means nothing.
    if (type === 'character-device' && deviceMajor === 0 && deviceMinor === 0) {
      throw new BuildError('ARCHIVE_INVALID', `Cannot unpack "${entry.path}": it is a character device 0/0`)
    }
    this.#replace(path)
    try {
      this.#layer.makeNode(path, { type, deviceMajor, deviceMinor }, this.#attributes(entry))
    } catch (error) {
      if (!isErrno(error, 'EPERM') || type === 'fifo') throw error
      this.#leaveOut(entry, error)
    }
  }

  /** Ordinary users may make no devices. A layer goes on into images as the blob that it is, so nothing is lost when its directory lacks one, and steps have
   *  a `/dev` of their own; other archives are unpacked to become part of an image. */
  #leaveOut(entry: TarEntry, cause: unknown): void {
    if (this.#options.whiteouts === 'apply') return
    throw new BuildError(
      'UNSUPPORTED',
      `Cannot unpack the device "${entry.path}": the kernel does not let this user make it`,
      {
        hint: 'Leave it out of the archive, or build as root.',
        cause,
      },
    )
  }

  #whiteOut(parent: string, name: string): void {
    this.#parents.clear()
    if (name === '.wh..wh..opq') {
      this.#layer.hideLower(parent)
      return
    }
    const hidden = name.slice('.wh.'.length)
    if (hidden === '' || hidden === '.' || hidden === '..') return
    this.#layer.whiteOut(joinTreePath(parent, hidden))
  }

  #replace(path: string): void {
    const existing = this.#layer.tree.lstat(path)
    if (existing === undefined) return
    if (existing.type === 'directory' || existing.type === 'symlink') this.#parents.clear()
    this.#layer.remove(path)
  }

  #attributes({ mode, uid, gid, mtimeSeconds }: TarEntry): Attributes {
    return {
      mode,
      ...(this.#options.owner ?? { uid, gid }),
      mtimeNs: BigInt(Math.trunc(mtimeSeconds)) * 1_000_000_000n,
    }
  }
}

/** The highest id that is not the kernel's "unchanged": chown(2). */
const maximumId = 0xffff_fffe

function rejectStrangeOwner({ path, uid, gid }: TarEntry): void {
  if ([uid, gid].every((id) => id >= 0 && id <= maximumId)) return
  throw new BuildError(
    'ARCHIVE_INVALID',
    `Cannot unpack "${path}": its owner ${uid}:${gid} is none that a file can have`,
  )
}

/** What no system call takes: the kernel's PATH_MAX. */
const maximumPathBytes = 4095

/** Before anything follows it: each part of a path costs some stack. */
function rejectLongPath(path: string): void {
  if (Buffer.byteLength(path) <= maximumPathBytes) return
  throw new BuildError('ARCHIVE_INVALID', `Cannot unpack "${path.slice(0, 100)}…": its path is too long for any system`)
}

/** `./a/../../b/` is `b`: nothing climbs above the root. */
function cleanArchivePath(path: string): string {
  const done: string[] = []
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') done.pop()
    else done.push(name)
  }
  return done.join('/')
}

/** The attributes that belong to the file; the others are the kernel's or the archiver's own. */
function keptXattrs({ xattrs }: TarEntry): ReadonlyMap<string, Uint8Array> {
  if (xattrs.size === 0) return xattrs
  return new Map(
    [...xattrs].filter(
      ([name]) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
    ),
  )
}
