import { rootDirectory, type TreeEntry, type TreeReader } from '../tree/tree-reader.ts'

/** A file that lies somewhere as bytes alone, and what it is to be called in a tree. */
export interface NamedFile {
  /** Absolute. */
  readonly path: string
  readonly name: string
  readonly sizeBytes: number
  readonly mtimeSeconds: number
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

/** The tree that holds one file, root's and for root alone: what a download is, before anybody says otherwise. */
export class FileTree implements TreeReader {
  readonly #file: NamedFile
  readonly #entry: TreeEntry

  constructor(file: NamedFile) {
    const timeNs = BigInt(file.mtimeSeconds) * 1_000_000_000n
    this.#file = file
    this.#entry = {
      ...rootDirectory,
      type: 'file',
      mode: 0o600,
      sizeBytes: file.sizeBytes,
      mtimeNs: timeNs,
      ctimeNs: timeNs,
      fileId: file.path,
    }
  }

  lstat(path: string): TreeEntry | undefined {
    if (path === '') return rootDirectory
    return path === this.#file.name ? this.#entry : undefined
  }

  readDirectory(path: string): readonly string[] {
    return path === '' ? [this.#file.name] : []
  }

  readLink(path: string): string {
    throw new Error(`${path} is no link`)
  }

  hostPath(path: string): string {
    if (path === this.#file.name) return this.#file.path
    throw new Error(`the tree of ${this.#file.name} has no file ${JSON.stringify(path)}`)
  }

  xattrs(): ReadonlyMap<string, Uint8Array> {
    return noXattrs
  }
}
