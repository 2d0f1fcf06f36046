import { rootedPath } from '../../core/patterns/clean-path.ts'
import type { TarEntry } from '../../cache/tar/index.ts'
import { nameOf, parentOf } from '../tree/tree-reader.ts'

/** What stands at a name in an archive that nobody has unpacked. */
type Node =
  | Folder
  | { readonly type: 'symlink'; readonly target: string }
  /** `member` counts the archive's members from 0. */
  | { readonly type: 'file'; readonly member: number }
  | { readonly type: 'fifo' | 'character-device' | 'block-device' }

interface Folder {
  readonly type: 'directory'
  readonly children: Map<string, Node>
}

/** As on Linux: path_resolution(7). */
const maximumLinks = 40
const maximumPathBytes = 4095

/** The names of an archive, as unpacking it would leave them: later members take the place of earlier ones, and links are followed as if the archive's root were
 *  the root. What could not be unpacked, such as a hard link to nothing, is left out. */
export class ArchiveTree {
  readonly #root = emptyFolder()

  /** @param member number of the member, from 0 */
  add({ path, type, linkName }: TarEntry, member: number): void {
    const place = this.#placeOf(path)
    if (place === undefined) return
    const { parent, name } = place
    switch (type) {
      case 'directory':
        if (parent.children.get(name)?.type !== 'directory') parent.children.set(name, emptyFolder())
        return
      case 'symlink':
        parent.children.set(name, { type, target: linkName })
        return
      case 'hardlink': {
        const other = this.#placeOf(linkName)
        const target = other?.parent.children.get(other.name)
        if (target !== undefined && target.type !== 'directory') parent.children.set(name, target)
        return
      }
      case 'file':
        parent.children.set(name, { type, member })
        return
      default:
        parent.children.set(name, { type })
    }
  }

  /** The number of the member that holds the content of what `path` leads to. `undefined`: nothing is there, or no file. */
  findFile(path: string): number | undefined {
    const node = this.#follow(path)
    return node?.type === 'file' ? node.member : undefined
  }

  /** Where a member goes; its parents are made. `undefined`: nowhere that could be. */
  #placeOf(written: string): { readonly parent: Folder; readonly name: string } | undefined {
    if (Buffer.byteLength(written) > maximumPathBytes) return undefined
    const path = rootedPath(written).slice(1)
    const parent = this.#follow(parentOf(path), (folder, name) => {
      const made = emptyFolder()
      folder.children.set(name, made)
      return made
    })
    return path === '' || parent?.type !== 'directory' ? undefined : { parent, name: nameOf(path) }
  }

  /** @param make makes a folder where one is needed and none is */
  #follow(path: string, make?: (folder: Folder, name: string) => Folder): Node | undefined {
    const way: Folder[] = [this.#root]
    const open = partsOf(path).reverse()
    let links = 0
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const folder = way.at(-1) ?? this.#root
      if (name === '..') {
        way.pop()
        continue
      }
      const node = folder.children.get(name)
      if (node?.type === 'symlink') {
        if (++links > maximumLinks) return undefined
        if (node.target.startsWith('/')) way.length = 0
        open.push(...partsOf(node.target).reverse())
        continue
      }
      if (node !== undefined && node.type !== 'directory' && open.length === 0 && make === undefined) return node
      const next = node?.type === 'directory' ? node : make?.(folder, name)
      if (next === undefined) return undefined
      way.push(next)
    }
    return way.at(-1) ?? this.#root
  }
}

function emptyFolder(): Folder {
  return { type: 'directory', children: new Map() }
}

function partsOf(path: string): string[] {
  return path
    .slice(0, maximumPathBytes)
    .split('/')
    .filter((name) => name !== '' && name !== '.')
}
