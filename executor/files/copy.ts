import { BuildError } from '../../core/errors.ts'
import type { CopyAction, ModeChange } from '../../core/ops.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { joinTreePath, nameOf, parentOf, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'
import { changeMode } from './change-mode.ts'
import type { Attributes, LayerWriter } from './layer-writer.ts'
import { selectSources, walkSelected, type SelectedEntry, type SelectedSource } from './select-sources.ts'

/** Numeric owner for all that is copied; `undefined` keeps what the source says. */
export type FixedOwner = { readonly uid: number; readonly gid: number } | undefined

/** Unpacks a local archive into a directory, or says that the file is none. */
export type UnpackArchive = (hostPath: string, destination: string) => Promise<boolean>

/** Carries out COPY, and ADD of local files, the way BuildKit does: contents of a directory, not the directory; links at the named ends
 *  followed inside their tree; links further down copied as links.
 *  @param others sources of the same instruction that other actions copy
 *  @throws {BuildError} `COPY_SOURCE_MISSING`, `COPY_CONFLICT` */
export async function copyInto(
  layer: LayerWriter,
  reader: TreeReader,
  action: CopyAction,
  owner: FixedOwner,
  unpackArchive: UnpackArchive,
  others = 0,
): Promise<void> {
  const sources = selectSources(reader, action)
  const copy = new Copy(layer, reader, action, owner)
  const areSeveral = sources.length + others > 1
  for (const source of sources) {
    const isArchive = action.unpack === 'auto' && source.entry.type === 'file'
    if (isArchive && (await unpackArchive(reader.hostPath(source.path), action.destination))) continue
    // A directory or an archive that comes first makes the destination a directory.
    if (areSeveral && source.entry.type !== 'directory' && !copy.destinationIsDirectory()) {
      throw severalIntoFile(action, sources, others)
    }
    copy.copySource(source)
  }
}

class Copy {
  readonly #layer: LayerWriter
  readonly #reader: TreeReader
  readonly #action: CopyAction
  readonly #owner: FixedOwner
  /** First name in this layer of a source file that has several. */
  readonly #linked = new Map<string, string>()

  constructor(layer: LayerWriter, reader: TreeReader, action: CopyAction, owner: FixedOwner) {
    this.#layer = layer
    this.#reader = reader
    this.#action = action
    this.#owner = owner
  }

  destinationIsDirectory(): boolean {
    const { destination, parents } = this.#action
    return (
      destination.endsWith('/') || parents || resolvePath(this.#layer.tree, destination).entry?.type === 'directory'
    )
  }

  copySource(source: SelectedSource): void {
    const base = this.#resolveDestination(this.#action.destination)
    this.#linked.clear() // names are one file within one source; what another source put there may be gone again
    if (source.entry.type === 'directory') {
      this.#copyContents(source, this.#action.parents ? this.#underParents(base, source) : base)
    } else {
      this.#copySingle(source, this.#placeOfFile(source, base))
    }
  }

  #resolveDestination(destination: string): string {
    const { path, entry } = resolvePath(this.#layer.tree, destination)
    if (destination.endsWith('/') && entry !== undefined && entry.type !== 'directory') {
      throw new BuildError(
        'COPY_CONFLICT',
        `Cannot copy into ${JSON.stringify(destination)}: it is a ${entry.type}, not a directory`,
      )
    }
    return path
  }

  #placeOfFile(source: SelectedSource, base: string): string {
    if (this.#action.parents) return this.#underParents(base, source)
    if (!this.destinationIsDirectory()) return base
    // The name inside the directory may be a link to a file, which is written through; BuildKit does so.
    return resolvePath(this.#layer.tree, joinTreePath(base, nameOf(source.asked))).path
  }

  /** COPY --parents keeps the source's own path; everything before a `/./` in it is cut off. */
  #underParents(base: string, source: SelectedSource): string {
    const written = this.#action.sources.find((candidate) => candidate.includes('/./'))
    const pivot = written === undefined ? 0 : written.slice(0, written.indexOf('/./')).split('/').filter(isName).length
    const kept = source.asked.split('/').slice(pivot).join('/')
    return kept === '' ? base : joinTreePath(base, kept)
  }

  #copyContents(source: SelectedSource, base: string): void {
    const existing = this.#layer.tree.lstat(base)
    if (existing !== undefined && existing.type !== 'directory') {
      throw new BuildError(
        'COPY_CONFLICT',
        `Cannot copy directory ${JSON.stringify(source.asked)} to "/${base}": a ${existing.type} is there`,
      )
    }
    this.#makeParents(base)
    for (const item of walkSelected(this.#reader, source, this.#action.excludes)) {
      if (item.relativePath !== '') this.#copyEntry(item, joinTreePath(base, item.relativePath))
    }
  }

  #copySingle(source: SelectedSource, destination: string): void {
    const [item] = walkSelected(this.#reader, source, this.#action.excludes)
    if (item === undefined) return
    this.#makeParents(parentOf(destination))
    this.#copyEntry(item, destination)
  }

  /** Always 0755: a parent that `--chmod=640` applied to could not be entered by anyone but root. */
  #makeParents(path: string): void {
    this.#layer.ensureDirectory(path, this.#owner ?? {})
  }

  #copyEntry({ path, entry }: SelectedEntry, destination: string): void {
    const below = this.#layer.tree.lstat(destination)
    if (entry.type === 'directory') {
      this.#copyDirectory(path, entry, destination, below)
      return
    }
    if (below?.type === 'directory') {
      throw new BuildError(
        'COPY_CONFLICT',
        `Cannot copy ${entry.type} "${path}" to "/${destination}": a directory is there`,
      )
    }
    const earlier = entry.linkCount > 1 && entry.type === 'file' ? this.#linked.get(entry.fileId) : undefined
    if (earlier === undefined) this.#writeEntry(path, entry, destination)
    else this.#layer.link(destination, earlier)
  }

  #copyDirectory(path: string, entry: TreeEntry, destination: string, below: TreeEntry | undefined): void {
    if (below !== undefined && below.type !== 'directory') {
      throw new BuildError(
        'COPY_CONFLICT',
        `Cannot copy directory "${path}" to "/${destination}": a ${below.type} is there`,
        {
          hint: `Remove "/${destination}" in an earlier step, or copy to where it leads.`,
        },
      )
    }
    this.#layer.ensureDirectory(destination)
    this.#layer.setDirectoryAttributes(destination, this.#attributesOf(entry))
    this.#layer.setXattrs(destination, this.#reader.xattrs(path))
  }

  #writeEntry(path: string, entry: TreeEntry, destination: string): void {
    const attributes = this.#attributesOf(entry)
    switch (entry.type) {
      case 'file':
        this.#layer.copyFile(destination, this.#reader.hostPath(path), attributes, entry)
        if (entry.linkCount > 1) this.#linked.set(entry.fileId, destination)
        break
      case 'symlink':
        this.#layer.symlink(destination, this.#reader.readLink(path), attributes)
        return
      case 'socket': // arrives as an empty file, as with BuildKit
        this.#layer.writeFile(destination, '', attributes)
        break
      case 'character-device':
      case 'block-device':
      case 'fifo':
        this.#layer.makeNode(destination, { ...entry, type: entry.type }, attributes)
        break
      case 'directory':
        throw new Error('#copyDirectory() makes directories')
      default:
        entry.type satisfies never
    }
    this.#layer.setXattrs(destination, this.#reader.xattrs(path))
  }

  #attributesOf(entry: TreeEntry): Attributes {
    const { uid, gid } = this.#owner ?? entry
    return { uid, gid, mode: modeOf(this.#action.mode, entry), mtimeNs: entry.mtimeNs }
  }
}

function modeOf(change: ModeChange | undefined, entry: TreeEntry): number {
  return change === undefined || entry.type === 'symlink'
    ? entry.mode
    : changeMode(change, entry.mode, entry.type === 'directory')
}

function isName(component: string): boolean {
  return component !== '' && component !== '.'
}

function severalIntoFile({ destination }: CopyAction, sources: readonly SelectedSource[], others: number): BuildError {
  const names = sources.slice(0, 3).map(({ asked }) => asked)
  const count = sources.length + others
  return new BuildError(
    'COPY_CONFLICT',
    `Cannot copy ${count} sources (${names.join(', ')}${count > names.length ? ', …' : ''}) to the one file ${JSON.stringify(destination)}`,
    { hint: `End the destination with a slash, ${JSON.stringify(`${destination}/`)}, to copy them into a directory.` },
  )
}
