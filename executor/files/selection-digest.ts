import { createHash } from 'node:crypto'
import type { Digest } from '../../core/digest.ts'
import type { TreeEntry, TreeReader } from '../tree/tree-reader.ts'
import { nameOf } from '../tree/tree-reader.ts'
import { selectSources, walkSelected, type SelectedEntry, type Selection } from './select-sources.ts'

/** Gives the digest of a file's content; may remember what it read before. */
export type HashFile = (hostPath: string, entry: TreeEntry) => string

/** One entry's part in the key: `path` in the tree that it is taken from, `content` a line on everything about it that the copy keeps. */
export interface SelectionIngredient {
  readonly path: string
  readonly content: string
  readonly entry: TreeEntry
}

export interface SelectionDigest {
  readonly digest: Digest
  readonly ingredients: readonly SelectionIngredient[]
}

/** The content of what a copy takes: names, types, modes, link targets, device numbers, file content, and owners and attributes, which are the same
 *  for everything in a context. Times are left out: they never enter a key.
 *  @throws {BuildError} `COPY_SOURCE_MISSING` */
export function digestSelection(reader: TreeReader, selection: Selection, hashFile: HashFile): SelectionDigest {
  const total = new LinesHash()
  const ingredients: SelectionIngredient[] = []
  for (const source of selectSources(reader, selection)) {
    const name = selection.parents ? source.asked : nameOf(source.asked)
    for (const item of walkSelected(reader, source, selection.excludes)) {
      const isRoot = item.relativePath === ''
      // The directory that is named gives its contents only; its own name and mode are left behind.
      const path = isRoot && item.entry.type === 'directory' ? '' : isRoot ? name : `${name}/${item.relativePath}`
      const content = describeEntry(reader, item, hashFile)
      total.add(`${JSON.stringify(path)} ${content}`)
      ingredients.push({ path: item.path, content, entry: item.entry })
    }
  }
  return { digest: total.digest(), ingredients }
}

/** Hashes lines, many with a call: there are tens of thousands. */
class LinesHash {
  readonly #hash = createHash('sha256')
  #lines = ''

  add(line: string): void {
    this.#lines += `${line}\n`
    if (this.#lines.length < 64 * 1024) return
    this.#hash.update(this.#lines)
    this.#lines = ''
  }

  digest(): Digest {
    return `sha256:${this.#hash.update(this.#lines).digest('hex')}` as Digest
  }
}

function describeEntry(reader: TreeReader, { relativePath, path, entry }: SelectedEntry, hashFile: HashFile): string {
  if (relativePath === '' && entry.type === 'directory') return 'root directory'
  const common = [entry.type, entry.mode.toString(8), entry.uid, entry.gid, ...describeXattrs(reader, path)]
  switch (entry.type) {
    case 'file':
      return [...common, entry.sizeBytes, hashFile(reader.hostPath(path), entry)].join(' ')
    case 'symlink':
      return [...common, JSON.stringify(reader.readLink(path))].join(' ')
    case 'character-device':
    case 'block-device':
      return [...common, entry.deviceMajor, entry.deviceMinor].join(' ')
    case 'directory':
    case 'fifo':
    case 'socket':
      return common.join(' ')
    default:
      return entry.type satisfies never
  }
}

function describeXattrs(reader: TreeReader, path: string): readonly string[] {
  return [...reader.xattrs(path)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}=${Buffer.from(value).toString('hex')}`)
}
