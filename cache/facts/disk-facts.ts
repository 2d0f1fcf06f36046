import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { naming, systemCode, uniqueName } from '../disk/index.ts'
import type { Fact, FactStore } from './fact-store.ts'

export interface FactStoreOptions {
  /** Where a fact is written before it is renamed into place: on the same file system, and emptied by somebody else when a process
   *  is killed. Made when missing. */
  readonly stagingFolder?: string | undefined
}

/** Facts as files: `<root>/<kind>/<two digits>/<name>`. Opening costs nothing; the folders appear with the first fact. */
export function openFactStore(root: string, options: FactStoreOptions = {}): FactStore {
  return new DiskFacts(root, options.stagingFolder ?? join(root, '.staged'))
}

class DiskFacts implements FactStore {
  readonly #root: string
  readonly #stagingFolder: string

  constructor(root: string, stagingFolder: string) {
    this.#root = root
    this.#stagingFolder = stagingFolder
  }

  find(kind: string, key: string): unknown {
    const fact = readFact(this.#pathOf(kind, key))
    return fact?.key === key ? fact.value : undefined
  }

  put(kind: string, key: string, value: unknown): void {
    const path = this.#pathOf(kind, key)
    const staged = join(this.#stagingFolder, uniqueName('fact'))
    try {
      withFolder(staged, () => writeFileSync(staged, JSON.stringify({ key, value })))
      withFolder(path, () => renameSync(staged, path))
    } catch (error) {
      rmSync(staged, { force: true })
      throw naming(path, error)
    }
  }

  delete(kind: string, key: string): void {
    rmSync(this.#pathOf(kind, key), { force: true })
  }

  list(kind: string): readonly Fact[] {
    const folder = join(this.#root, checkedKind(kind))
    return namesIn(folder).flatMap((shard) =>
      namesIn(join(folder, shard)).flatMap((name) => {
        const path = join(folder, shard, name)
        const fact = readFact(path)
        const stats = statSync(path, { throwIfNoEntry: false })
        return fact === undefined || stats === undefined ? [] : [{ ...fact, putAtMs: stats.mtimeMs }]
      }),
    )
  }

  #pathOf(kind: string, key: string): string {
    const name = fileNameOf(key)
    return `${this.#root}/${checkedKind(kind)}/${name.slice(0, 2)}/${name}`
  }
}

/** A key that is a hash already is its own file name. The suffix keeps hashed keys from ever meeting those. */
function fileNameOf(key: string): string {
  if (/^[0-9a-f]{32,128}$/.test(key)) return key
  return `${createHash('sha256').update(key).digest('hex')}.k`
}

function checkedKind(kind: string): string {
  if (!/^[a-z][a-z-]{0,40}$/.test(kind))
    throw new Error(`a kind of fact is a short lower-case word, not ${JSON.stringify(kind)}`)
  return kind
}

function readFact(path: string): { readonly key: string; readonly value: unknown } | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const fact: unknown = JSON.parse(text)
    if (typeof fact !== 'object' || fact === null || !('key' in fact) || typeof fact.key !== 'string') return undefined
    return 'value' in fact ? { key: fact.key, value: fact.value } : undefined
  } catch {
    return undefined
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** Tries first, since the folder is nearly always there. */
function withFolder(path: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    mkdirSync(dirname(path), { recursive: true })
    write()
  }
}
