import { systemCode } from '../../cache/disk/index.ts'
import type { FactStore } from '../../cache/facts/index.ts'
import type { ContextOp } from '../../core/ops.ts'
import { BuildError } from '../../core/errors.ts'
import { hashFile } from '../files/hash-file.ts'
import { smallWork } from '../files/is-small.ts'
import { selectSources, walkSelected, type SelectedEntry, type Selection } from '../files/select-sources.ts'
import { digestSelection, type HashFile, type SelectionDigest } from '../files/selection-digest.ts'
import type { TreeEntry, TreeReader } from '../tree/tree-reader.ts'
import { ContextTree } from './context-tree.ts'
import { hasSettled } from './has-settled.ts'

/** What files answer that have just gone, or have become something else. */
const changedCodes: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ELOOP', 'ENXIO']
/** With what files answer that are not to be read. */
const unreadableCodes: ReadonlySet<string | undefined> = new Set([
  ...changedCodes,
  'EACCES',
  'EPERM',
  'ENAMETOOLONG',
  'EIO',
])

const changedHint =
  'Something was writing to it meanwhile: build again when it stands still, or leave that out in .dockerignore.'

/** Reading a file again costs as much as writing down so many; so does reading so many bytes for each. */
const entriesPerFile = 50
const bytesPerEntry = 200

type Remembered = Record<string, readonly [stamp: string, digest: string]>

export interface ContextFolder {
  /** Absolute. */
  readonly path: string
  /** It outlives the build, so that it pays to remember the digests of its files. */
  readonly isLasting: boolean
}

/** The user's folders that a build may copy from. Each is walked once; a file that has not changed since an earlier build, by its inode, size and
 *  times, is not read again. */
export class ContextFolders {
  readonly #folders: ReadonlyMap<string, ContextFolder>
  readonly #facts: FactStore
  readonly #onNews: () => void
  readonly #trees = new Map<string, ContextTree>()
  readonly #memories = new Map<string, FileMemory>()

  /** @param folders by the name of the context
   *  @param onNews told, while much of a folder is being looked at for one copy, that something in it is not what earlier builds saw: that much will have to be copied */
  constructor(folders: ReadonlyMap<string, ContextFolder>, facts: FactStore, onNews: () => void = () => undefined) {
    this.#folders = folders
    this.#facts = facts
    this.#onNews = onNews
  }

  /** @throws {BuildError} `COPY_SOURCE_MISSING`, `CONTEXT_INVALID` for files that cannot be read */
  digest(op: ContextOp, selection: Selection): SelectionDigest {
    const folder = this.folderOf(op)
    const memory = this.#memories.get(folder) ?? new FileMemory(folder, this.#facts, this.#onNews)
    this.#memories.set(folder, memory)
    try {
      return digestSelection(this.#treeOf(op), selection, memory.hashOneSelection())
    } catch (error) {
      throw unreadable(folder, error)
    }
  }

  /** Whether what is taken is still what it was when it was looked at. What changed meanwhile may have been copied in either state. */
  isUnchanged(op: ContextOp, selection: Selection): boolean {
    const tree = this.#treeOf(op)
    const before = takenFrom(tree, selection)
    const now = findTaken(tree.lookAgain(), selection)
    return now?.length === before.length && now.every((item, index) => isSame(item, before[index] as SelectedEntry))
  }

  /** The same for these paths alone. */
  areUnchanged(op: ContextOp, paths: readonly string[]): boolean {
    const before = this.#treeOf(op)
    const now = before.lookAgain()
    return paths.every((path) => {
      const [entry, entryNow] = [before.lstat(path), findEntry(now, path)]
      return entry !== undefined && entryNow !== undefined && isSameEntry(entry, entryNow)
    })
  }

  /** What was looked at for the digest. */
  readerOf(op: ContextOp): TreeReader {
    return this.#treeOf(op)
  }

  /** What a failure is to be told as that files made which were changing. */
  changedMeanwhile(op: ContextOp, cause: unknown): BuildError {
    return new BuildError('CONTEXT_INVALID', `Cannot read the context ${this.folderOf(op)}: it changed meanwhile`, {
      hint: changedHint,
      cause,
    })
  }

  folderOf({ name }: ContextOp): string {
    return this.#find(name).path
  }

  /** Keeps what was read for the next build. */
  save(): void {
    for (const { path, isLasting } of this.#folders.values()) if (isLasting) this.#memories.get(path)?.save()
  }

  #find(name: string): ContextFolder {
    const folder = this.#folders.get(name)
    if (folder === undefined) throw new Error(`the build has no context ${JSON.stringify(name)}`)
    return folder
  }

  #treeOf(op: ContextOp): ContextTree {
    const id = JSON.stringify([op.name, op.ignore])
    const tree = this.#trees.get(id) ?? new ContextTree(this.folderOf(op), op.ignore, op.unkeyed.ignoreFile)
    this.#trees.set(id, tree)
    return tree
  }
}

class FileMemory {
  readonly #folder: string
  readonly #facts: FactStore
  readonly #onNews: () => void
  readonly #nowNs = BigInt(Date.now()) * 1_000_000n
  #known: Remembered | undefined
  #hasMemories = false
  /** What the next build is spared to read, as so many entries. */
  #gained = 0

  constructor(folder: string, facts: FactStore, onNews: () => void) {
    this.#folder = folder
    this.#facts = facts
    this.#onNews = onNews
  }

  /** For the files of one copy. News is told when it has turned out to be a large one. */
  hashOneSelection(): HashFile {
    let files = 0
    let hasNews = false
    return (hostPath, entry) => {
      const { digest, isNews } = this.#hash(hostPath, entry)
      hasNews ||= isNews
      if (++files > smallWork.entries && hasNews) this.#onNews()
      return digest
    }
  }

  /** Nothing is news to who has seen nothing yet. */
  #hash(hostPath: string, entry: TreeEntry): { readonly digest: string; readonly isNews: boolean } {
    this.#known ??= this.#load()
    const path = hostPath.slice(this.#folder.length)
    const stamp = stampOf(entry)
    const known = this.#known[path]
    if (known?.[0] === stamp) return { digest: known[1], isNews: false }
    const digest = hashFile(hostPath, entry)
    if (hasSettled(entry.ctimeNs, this.#nowNs)) {
      this.#known[path] = [stamp, digest]
      this.#gained += entriesPerFile + entry.sizeBytes / bytesPerEntry
    }
    return { digest, isNews: this.#hasMemories && known?.[1] !== digest }
  }

  #load(): Remembered {
    const known = (this.#facts.find('context-files', this.#folder) as Remembered | undefined) ?? {}
    this.#hasMemories = Object.keys(known).length > 0
    return known
  }

  /** Only where it pays: what is known of thirty thousand files is not written down again for one that changed. */
  save(): void {
    if (this.#known === undefined || this.#gained <= Object.keys(this.#known).length) return
    this.#facts.put('context-files', this.#folder, this.#known)
    this.#gained = 0
  }
}

function stampOf({ fileId, sizeBytes, mtimeNs, ctimeNs }: TreeEntry): string {
  return `${fileId}:${sizeBytes}:${mtimeNs}:${ctimeNs}`
}

function takenFrom(tree: ContextTree, selection: Selection): readonly SelectedEntry[] {
  return selectSources(tree, selection).flatMap((source) => [...walkSelected(tree, source, selection.excludes)])
}

/** `undefined` when what is asked for has gone. */
function findTaken(tree: ContextTree, selection: Selection): readonly SelectedEntry[] | undefined {
  try {
    return takenFrom(tree, selection)
  } catch (error) {
    if (error instanceof BuildError || unreadableCodes.has(systemCode(error))) return undefined
    throw error
  }
}

/** `undefined` when it has gone. */
function findEntry(tree: ContextTree, path: string): TreeEntry | undefined {
  try {
    return tree.lstat(path)
  } catch (error) {
    if (unreadableCodes.has(systemCode(error))) return undefined
    throw error
  }
}

/** What a directory holds is taken by itself; its times say nothing more. */
function isSame({ path, entry }: SelectedEntry, { path: otherPath, entry: other }: SelectedEntry): boolean {
  return path === otherPath && isSameEntry(entry, other)
}

function isSameEntry(a: TreeEntry, b: TreeEntry): boolean {
  if (a.type !== b.type || a.mode !== b.mode) return false
  if (a.type === 'directory') return true
  return a.fileId === b.fileId && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}

function unreadable(folder: string, error: unknown): unknown {
  if (!unreadableCodes.has(systemCode(error))) return error
  return new BuildError('CONTEXT_INVALID', `Cannot read the context ${folder}: ${(error as Error).message}`, {
    hint: changedCodes.includes(systemCode(error))
      ? changedHint
      : 'Leave out what cannot be read with a line in .dockerignore.',
    cause: error,
  })
}
