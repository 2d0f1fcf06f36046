import type { TreeEntry, TreeReader } from './tree-reader.ts'

/** What a tree has answered, as plain JSON: trees never change, so that it will answer the same again. Paths and names are whatever an image has. */
export interface TreeAnswers {
  readonly entries: readonly (readonly [path: string, entry: PlainEntry | null])[]
  readonly targets: readonly (readonly [path: string, target: string])[]
  /** Values in base64. */
  readonly xattrs: readonly (readonly [path: string, xattrs: readonly (readonly [name: string, value: string])[]])[]
}

type PlainEntry = Omit<TreeEntry, 'mtimeNs' | 'ctimeNs'> & { readonly mtimeNs: string; readonly ctimeNs: string }

/** Something that nobody has asked the tree before. */
export class NotRemembered extends Error {
  override readonly name = 'NotRemembered'
}

/** A tree that notes what it answers, of names and links: what directories and files hold is not noted. */
export class RecordedTree implements TreeReader {
  readonly #tree: TreeReader
  readonly #entries = new Map<string, TreeEntry | undefined>()
  readonly #targets = new Map<string, string>()
  readonly #xattrs = new Map<string, ReadonlyMap<string, Uint8Array>>()

  constructor(tree: TreeReader) {
    this.#tree = tree
  }

  get answers(): TreeAnswers {
    return {
      entries: [...this.#entries].map(([path, entry]) => [path, entry === undefined ? null : plain(entry)]),
      targets: [...this.#targets],
      xattrs: [...this.#xattrs].map(([path, xattrs]) => [
        path,
        [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
      ]),
    }
  }

  lstat(path: string): TreeEntry | undefined {
    const entry = this.#tree.lstat(path)
    this.#entries.set(path, entry)
    return entry
  }

  readLink(path: string): string {
    const target = this.#tree.readLink(path)
    this.#targets.set(path, target)
    return target
  }

  xattrs(path: string): ReadonlyMap<string, Uint8Array> {
    const xattrs = this.#tree.xattrs(path)
    this.#xattrs.set(path, xattrs)
    return xattrs
  }

  readDirectory(path: string): readonly string[] {
    return this.#tree.readDirectory(path)
  }

  hostPath(path: string): string {
    return this.#tree.hostPath(path)
  }
}

/** A tree of which no more is there than what it answered once.
 *  Every method throws `NotRemembered` for anything else. */
export class RememberedTree implements TreeReader {
  readonly #entries: ReadonlyMap<string, PlainEntry | null>
  readonly #targets: ReadonlyMap<string, string>
  readonly #xattrs: ReadonlyMap<string, readonly (readonly [name: string, value: string])[]>

  constructor({ entries, targets, xattrs }: TreeAnswers) {
    this.#entries = new Map(entries)
    this.#targets = new Map(targets)
    this.#xattrs = new Map(xattrs)
  }

  lstat(path: string): TreeEntry | undefined {
    const entry = remembered(this.#entries, path)
    return entry === null ? undefined : { ...entry, mtimeNs: BigInt(entry.mtimeNs), ctimeNs: BigInt(entry.ctimeNs) }
  }

  readLink(path: string): string {
    return remembered(this.#targets, path)
  }

  xattrs(path: string): ReadonlyMap<string, Uint8Array> {
    return new Map(remembered(this.#xattrs, path).map(([name, value]) => [name, Buffer.from(value, 'base64')]))
  }

  readDirectory(path: string): readonly string[] {
    throw new NotRemembered(path)
  }

  hostPath(path: string): string {
    throw new NotRemembered(path)
  }
}

function plain(entry: TreeEntry): PlainEntry {
  return { ...entry, mtimeNs: String(entry.mtimeNs), ctimeNs: String(entry.ctimeNs) }
}

function remembered<Answer>(answers: ReadonlyMap<string, Answer>, path: string): Answer {
  const answer = answers.get(path)
  if (answer === undefined) throw new NotRemembered(path)
  return answer
}
