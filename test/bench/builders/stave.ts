import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { executable } from '../../support/stave.ts'
import { run, type Command } from '../command.ts'
import type { Builder, BuildRequest } from './builder.ts'
import { outputFlags } from './output-flags.ts'

/** The command as it is shipped. */
export class Stave implements Builder {
  readonly name = 'stave'
  readonly version: string
  readonly daemons = []
  readonly writesArchives = true
  readonly #store: string

  private constructor(folder: string, version: string) {
    this.version = version
    this.#store = join(folder, 'stave-store')
  }

  static async open(folder: string): Promise<Stave> {
    return new Stave(folder, (await run({ argv: [process.execPath, executable, '--version'] })).trim())
  }

  commands({ context, name, noCache = false, output }: BuildRequest): readonly Command[] {
    const flags = ['--progress=quiet', '-t', name, ...(noCache ? ['--no-cache'] : []), ...outputFlags(output)]
    return [{ argv: [process.execPath, executable, 'build', ...flags, context], env: { STAVE_HOME: this.#store } }]
  }

  async forget(): Promise<void> {
    await rm(this.#store, { recursive: true, force: true })
  }
}
