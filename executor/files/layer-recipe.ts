import { BuildError } from '../../core/errors.ts'
import type { PresentChange } from '../diff/layer-changes.ts'
import { joinTreePath, nameOf, parentOf, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'
import type { Attributes, LayerWriter, SpecialFile } from './layer-writer.ts'

/** Something that a recipe cannot say: the layer has to be written as a folder. */
export class NeedsFolder extends Error {
  override readonly name = 'NeedsFolder'
}

/** A layer that is not written anywhere, but noted down: what is to be in it, and where that is now. Its archive is made from the files as they lie, so that what is
 *  copied only to be packed is read once and never written in between. Knows layers that add to the tree below: where something there is
 *  replaced, or would be linked to, it throws `NeedsFolder`. */
export class LayerRecipe implements LayerWriter {
  readonly tree: TreeReader
  readonly #lower: TreeReader
  readonly #created: Attributes
  readonly #noted = new Map<string, NotedEntry>()
  /** Names of entries that are noted, by directory. */
  readonly #names = new Map<string, string[]>()

  /** @param nowNs the time that new parents get */
  constructor(lower: TreeReader, nowNs: bigint) {
    this.#lower = lower
    this.#created = { mode: 0o755, uid: 0, gid: 0, mtimeNs: nowNs }
    this.tree = {
      lstat: (path) => this.#noted.get(path)?.entry ?? lower.lstat(path),
      readDirectory: (path) => [...new Set([...lower.readDirectory(path), ...(this.#names.get(path) ?? [])])].sort(),
      readLink: (path) => this.#noted.get(path)?.target ?? lower.readLink(path),
      hostPath: (path) => this.#noted.get(path)?.hostPath ?? lower.hostPath(path),
      xattrs: (path) => this.#noted.get(path)?.xattrs ?? lower.xattrs(path),
    }
  }

  ensureDirectory(path: string, created: Partial<Attributes> = {}): void {
    if (path === '' || this.#noted.get(path)?.entry.type === 'directory') return
    const entry = this.tree.lstat(path)
    if (entry !== undefined && entry.type !== 'directory') {
      throw new BuildError('COPY_CONFLICT', `Cannot make directory "/${path}": a ${entry.type} of that name is there`)
    }
    this.ensureDirectory(parentOf(path), created)
    if (entry === undefined) {
      const made = directoryWith({ ...this.#created, ...created })
      this.#note(path, { entry: made, hostPath: '', xattrs: noXattrs, isCarriedUp: false })
    } else this.#note(path, { entry, hostPath: '', xattrs: this.#lower.xattrs(path), isCarriedUp: true })
  }

  setDirectoryAttributes(path: string, attributes: Attributes): void {
    if (this.#lower.lstat(path) !== undefined) throw new NeedsFolder(`/${path} is there already`)
    const noted = this.#noted.get(path)
    if (noted === undefined) throw new Error(`the recipe has no directory ${path}`)
    this.#noted.set(path, { ...noted, entry: { ...noted.entry, ...attributes } })
  }

  writeFile(path: string): void {
    throw new NeedsFolder(`/${path} is no copy`)
  }

  copyFile(path: string, hostSource: string, attributes: Attributes, source: TreeEntry): void {
    this.#add(path, {
      entry: { ...source, ...attributes, linkCount: 1, fileId: path },
      hostPath: hostSource,
      xattrs: noXattrs,
    })
  }

  link(path: string, existing: string): void {
    const noted = this.#noted.get(existing)
    if (noted === undefined) throw new NeedsFolder(`/${existing} is of a lower layer`)
    const entry = { ...noted.entry, linkCount: 2 }
    this.#noted.set(existing, { ...noted, entry })
    this.#add(path, { ...noted, entry })
  }

  symlink(path: string, target: string, attributes: Attributes): void {
    this.#add(path, {
      entry: { ...plain, ...attributes, type: 'symlink', fileId: path },
      hostPath: '',
      xattrs: noXattrs,
      target,
    })
  }

  makeNode(path: string, { type, deviceMajor, deviceMinor }: SpecialFile, attributes: Attributes): void {
    const entry = { ...plain, ...attributes, type, deviceMajor, deviceMinor, fileId: path }
    this.#add(path, { entry, hostPath: '', xattrs: noXattrs })
  }

  setXattrs(path: string, xattrs: ReadonlyMap<string, Uint8Array>): void {
    const noted = this.#noted.get(path)
    if (noted === undefined) throw new Error(`the recipe has no entry ${path}`)
    if (xattrs.size > 0) this.#noted.set(path, { ...noted, xattrs: new Map([...noted.xattrs, ...xattrs]) })
  }

  /** What the layer changes, in the order of its archive. */
  *changes(below = ''): Generator<PresentChange, void, undefined> {
    for (const name of [...(this.#names.get(below) ?? [])].sort()) {
      const path = joinTreePath(below, name)
      const noted = this.#noted.get(path)
      if (noted === undefined) throw new Error(`the recipe has no entry ${path}`)
      const { isCarriedUp, ...entry } = noted
      // A directory of a lower layer that nothing was put into is no change.
      if (!isCarriedUp || this.#hasContent(path)) yield { kind: 'present', path, ...entry }
      yield* this.changes(path)
    }
  }

  #hasContent(path: string): boolean {
    return (this.#names.get(path) ?? []).some((name) => {
      const child = joinTreePath(path, name)
      return this.#noted.get(child)?.isCarriedUp !== true || this.#hasContent(child)
    })
  }

  /** Only where nothing is yet. */
  #add(path: string, noted: Omit<NotedEntry, 'isCarriedUp'>): void {
    if (this.tree.lstat(path) !== undefined) throw new NeedsFolder(`/${path} is there already`)
    this.ensureDirectory(parentOf(path))
    this.#note(path, { ...noted, isCarriedUp: false })
  }

  #note(path: string, noted: NotedEntry): void {
    this.#noted.set(path, noted)
    const siblings = this.#names.get(parentOf(path))
    if (siblings === undefined) this.#names.set(parentOf(path), [nameOf(path)])
    else siblings.push(nameOf(path))
  }
}

type NotedEntry = Omit<PresentChange, 'kind' | 'path'> & {
  /** A directory of a lower layer, noted because something was put into it. */
  readonly isCarriedUp: boolean
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

const plain: TreeEntry = {
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  deviceMajor: 0,
  deviceMinor: 0,
  fileId: '',
  linkCount: 1,
}

function directoryWith(attributes: Attributes): TreeEntry {
  return { ...plain, ...attributes, type: 'directory' }
}
