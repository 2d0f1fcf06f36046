import { constants, createReadStream } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { systemCode } from '../disk/index.ts'
import { imageInvalid } from '../documents/index.ts'
import type { LayoutFile, LayoutFiles } from './layout-files.ts'

/** Files below a folder. Symlinks are followed only where they stay inside: a layout comes from anywhere, and we read with more rights
 *  than whoever made it.
 *  @param names only what the code itself makes: none holds `..` */
export class FolderFiles implements LayoutFiles {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  async find(name: string): Promise<LayoutFile | undefined> {
    const target = await this.#resolve(name)
    if (target === undefined) return undefined
    const stats = await stat(target)
    if (!stats.isFile()) throw imageInvalid(this.path, `its ${name} is no file`)
    await access(target, constants.R_OK).catch((error: unknown) => this.#refuse(name, error))
    return { sizeBytes: stats.size, read: () => createReadStream(target, { highWaterMark: 256 * 1024 }) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held open.
  }

  async #resolve(name: string): Promise<string | undefined> {
    try {
      const root = await realpath(this.path)
      const target = await realpath(join(root, name))
      if (target.startsWith(root.endsWith(sep) ? root : root + sep)) return target
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
      this.#refuse(name, error)
    }
    throw imageInvalid(this.path, `its ${name} is a link that leads out of it`)
  }

  #refuse(name: string, error: unknown): never {
    throw imageInvalid(this.path, `its ${name} cannot be read: ${String(error)}`, error)
  }
}
