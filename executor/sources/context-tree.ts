import { lstatSync } from 'node:fs'
import { IgnoreMatcher, type IgnoreState } from '../../core/patterns/ignore-matcher.ts'
import type { WrittenIgnore } from '../../core/ops.ts'
import { readTyped } from '../tree/read-names.ts'
import { readTarget } from '../tree/read-target.ts'
import { entryOfStats } from '../tree/stat-entry.ts'
import { joinTreePath, parentOf, rootDirectory, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'
import { DirectoryListings } from './directory-listings.ts'

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()
const root = { uid: 0, gid: 0 }

/** A folder of the user's, less what `.dockerignore` leaves out. Every entry is looked at once and remembered: the folder is taken to stand
 *  still while this object lives. Extended attributes are not carried, as with BuildKit, nor are owners: the files count as root's. */
export class ContextTree implements TreeReader {
  readonly #root: string
  readonly #patterns: readonly string[]
  readonly #ignore: IgnoreMatcher
  readonly #written: WrittenIgnore | undefined
  readonly #states = new Map<string, IgnoreState>()
  readonly #entries = new Map<string, TreeEntry | undefined>()
  readonly #names = new Map<string, readonly string[]>()
  readonly #targets = new Map<string, string>()
  readonly #directories = new Map<string, boolean>()
  readonly #listings: DirectoryListings

  /** @param root absolute path of the folder; @param ignore the lines of a `ContextOp`; @param written where these come from. */
  constructor(
    root: string,
    ignore: readonly string[],
    written?: WrittenIgnore,
    listings: DirectoryListings = new DirectoryListings(),
  ) {
    this.#root = root
    this.#patterns = ignore
    this.#written = written
    this.#listings = listings
    this.#ignore = new IgnoreMatcher(ignore)
  }

  /** The same folder as it is now. Directories that nothing was put into or taken out of are not read again, but what they show is looked at. */
  lookAgain(): ContextTree {
    return new ContextTree(this.#root, this.#patterns, this.#written, this.#listings)
  }

  lstat(path: string): TreeEntry | undefined {
    return path === '' ? rootDirectory : this.#entryIn(parentOf(path), path)
  }

  readDirectory(path: string): readonly string[] {
    const known = this.#names.get(path)
    if (known !== undefined) return known
    const names = this.#isDirectory(path) ? this.#shownIn(path) : []
    this.#names.set(path, names)
    return names
  }

  readLink(path: string): string {
    const target = this.#targets.get(path) ?? readTarget(this.hostPath(path))
    this.#targets.set(path, target)
    return target
  }

  hostPath(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  xattrs(): ReadonlyMap<string, Uint8Array> {
    return noXattrs
  }

  /** The entry as it is on disk, whatever the patterns say: to tell "ignored" from "missing". */
  lstatIgnored(path: string): TreeEntry | undefined {
    return this.#entryOnDisk(parentOf(path), path)
  }

  /** The line of the ignore file that hides the path: `.dockerignore:3: dist`. `undefined`: none does, or it is not known which. */
  findHidingLine(path: string): string | undefined {
    const { ignored, matched } = this.#stateOf(path)
    const line = ignored ? this.#written?.lines[matched.lastIndexOf(true)] : undefined
    return line && `${this.#written?.file}:${line.number}: ${line.text}`
  }

  #entryIn(directory: string, path: string): TreeEntry | undefined {
    const known = this.#entries.get(path)
    if (known !== undefined || this.#entries.has(path)) return known
    const found = this.#isShown(directory, path) ? this.#entryOnDisk(directory, path) : undefined
    this.#entries.set(path, found)
    return found
  }

  #isShown(directory: string, path: string): boolean {
    if (!this.#ignore.ignoresIn(this.#stateOf(directory), path)) return true
    // An exception may show something further down, and then this directory too.
    return this.#ignore.mayReinclude(path) && this.readDirectory(path).length > 0
  }

  #entryOnDisk(directory: string, path: string): TreeEntry | undefined {
    if (!this.#isDirectory(directory)) return undefined
    const stats = lstatSync(this.hostPath(path), { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? undefined : entryOfStats(stats, root)
  }

  #shownIn(directory: string): readonly string[] {
    const names = this.#listings.namesIn(this.hostPath(directory), () => this.#candidatesIn(directory))
    return names.filter((name) => this.#entryIn(directory, joinTreePath(directory, name)) !== undefined)
  }

  /** Without the ignored files, of which there may be a hundred thousand: they are not even looked at. */
  #candidatesIn(directory: string): readonly string[] {
    const state = this.#stateOf(directory)
    return readTyped(this.hostPath(directory))
      .filter((item) => item.isDirectory() || !this.#ignore.ignoresIn(state, joinTreePath(directory, item.name)))
      .map(({ name }) => name)
      .sort()
  }

  #stateOf(path: string): IgnoreState {
    if (path === '') return this.#ignore.root
    const known = this.#states.get(path)
    if (known !== undefined) return known
    const state = this.#ignore.enter(this.#stateOf(parentOf(path)), path)
    this.#states.set(path, state)
    return state
  }

  /** Whether the path leads to a directory without a link on its way: a link in the middle may lead out of the folder. */
  #isDirectory(path: string): boolean {
    if (path === '') return true
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const isDirectory =
      this.#isDirectory(parentOf(path)) &&
      lstatSync(this.hostPath(path), { throwIfNoEntry: false })?.isDirectory() === true
    this.#directories.set(path, isDirectory)
    return isDirectory
  }
}
