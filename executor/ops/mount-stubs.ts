import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { setFileTimes } from '../linux/index.ts'
import { LayeredTree } from '../tree/layered-tree.ts'
import { resolvePath } from '../tree/resolve-path.ts'
import { parentOf } from '../tree/tree-reader.ts'

/** Places to mount on, made where the tree lacks them, and taken away again when the process has ended, so that mounts leave no trace in the layer.
 *  Paths are resolved inside the root: a link in a hostile image leads nowhere else. */
export class MountStubs {
  readonly #root: string
  readonly #made: { readonly path: string; readonly kind: 'directory' | 'file' }[] = []
  /** Directory that a stub was made in -> its times before and after that, in nanoseconds. */
  readonly #touched = new Map<string, { readonly beforeNs: bigint; afterNs: bigint }>()

  constructor(root: string) {
    this.#root = root
  }

  /** @returns the absolute path inside the root, free of links. */
  makeDirectory(target: string): string {
    const path = this.#resolve(target)
    this.#makeDirectories(path)
    return `/${path}`
  }

  /** A directory that stays: `/proc`, `/sys` and `/dev` of a bare base, as BuildKit leaves them, and the working directory. */
  makeLastingDirectory(target: string): string {
    const path = this.#resolve(target)
    mkdirSync(this.#place(path), { recursive: true, mode: 0o755 })
    return `/${path}`
  }

  /** @returns the absolute path inside the root, free of links. */
  makeFile(target: string): string {
    const path = this.#resolve(target)
    if (this.#exists(path)) return `/${path}`
    this.#makeDirectories(parentOf(path))
    this.#touch(parentOf(path), () => writeFileSync(this.#place(path), '', { flag: 'wx', mode: 0o644 }))
    this.#made.push({ path, kind: 'file' })
    return `/${path}`
  }

  /** To be called when the process has ended. Takes away what was made and is still empty; a directory that only this touched gets its time back. What the
   *  process has moved, or reached through links that it put in the way, is its own business: nothing is touched through a link. */
  remove(): void {
    const untouched = [...this.#touched].filter(([path, { afterNs }]) => this.#mtimeNs(path) === afterNs)
    for (const { path, kind } of this.#made.reverse()) {
      const stats = this.#lstat(path)
      if (kind === 'file' && stats?.isFile() === true && stats.size === 0n) rmSync(this.#place(path))
      if (kind === 'directory' && stats?.isDirectory() === true && readdirSync(this.#place(path)).length === 0) {
        rmdirSync(this.#place(path))
      }
    }
    for (const [path, { beforeNs }] of untouched) {
      if (this.#lstat(path) !== undefined) setFileTimes(this.#place(path), beforeNs)
    }
  }

  #resolve(target: string): string {
    return resolvePath(new LayeredTree([this.#root]), target).path
  }

  #makeDirectories(path: string): void {
    if (path === '' || this.#exists(path)) return
    this.#makeDirectories(parentOf(path))
    this.#touch(parentOf(path), () => {
      mkdirSync(this.#place(path), { mode: 0o755 })
    })
    this.#made.push({ path, kind: 'directory' })
  }

  #touch(directory: string, act: () => void): void {
    const place = this.#place(directory)
    const beforeNs = lstatSync(place, { bigint: true }).mtimeNs
    act()
    const afterNs = lstatSync(place, { bigint: true }).mtimeNs
    const earlier = this.#touched.get(directory)
    if (earlier === undefined) this.#touched.set(directory, { beforeNs, afterNs })
    else earlier.afterNs = afterNs
  }

  #mtimeNs(path: string): bigint | undefined {
    return this.#lstat(path)?.mtimeNs
  }

  /** `undefined` too when a component of the path has become a link. */
  #lstat(path: string): BigIntStats | undefined {
    if (resolvePath(new LayeredTree([this.#root]), path, false).path !== path) return undefined
    return lstatSync(this.#place(path), { bigint: true, throwIfNoEntry: false })
  }

  #exists(path: string): boolean {
    return lstatSync(this.#place(path), { throwIfNoEntry: false }) !== undefined
  }

  #place(path: string): string {
    return path === '' ? this.#root : join(this.#root, path)
  }
}
