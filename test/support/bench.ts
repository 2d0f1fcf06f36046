import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { stave, writeFiles, type Files, type Finished } from './stave.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A folder to build in and a store, for one test that says itself what the context is. */
export class Bench {
  readonly root = temporaryFolder()
  readonly store = join(this.root, 'store')
  readonly cwd = join(this.root, 'cwd')
  #outputs = 0

  constructor(files: Files = {}) {
    writeFiles(this.cwd, files)
  }

  try(args: readonly string[], input?: string | Uint8Array): Promise<Finished> {
    const options = { store: this.store, cwd: this.cwd, ...(input === undefined ? {} : { input }) }
    return stave(['build', '--progress=plain', ...args], options)
  }

  /** @returns the folder with the files that were built */
  async build(args: readonly string[], input?: string | Uint8Array): Promise<string> {
    const tar = join(this.root, `out-${++this.#outputs}.tar`)
    const { code, stderr } = await this.try(['--output', `type=tar,dest=${tar}`, ...args], input)
    if (code !== 0) throw new Error(stderr)
    const folder = tar.replace('.tar', '')
    mkdirSync(folder)
    execFileSync('tar', ['-x', '--numeric-owner', '-p', '-f', tar, '-C', folder])
    return folder
  }

  /** What is left of a build besides what it means to keep. */
  leftovers(): readonly string[] {
    return readdirSync(join(this.store, 'v1/tmp'))
  }
}
