import { removeTree } from '../../cache/disk/index.ts'
import type { Settings } from '../config/settings.ts'
import { BuildServices, type BuildSurroundings } from '../services.ts'
import { makeLookFolder } from './look-folder.ts'

/** What a build fetches with, over a store of its own in a temporary folder: nothing of it is left when it is disposed of, and the user's store is not touched. */
export class ThrowawayServices implements AsyncDisposable {
  readonly #settings: Settings
  readonly #surroundings: BuildSurroundings
  #folder: string | undefined
  #services: BuildServices | undefined

  constructor(settings: Settings, surroundings: BuildSurroundings) {
    this.#settings = settings
    this.#surroundings = surroundings
  }

  /** Made when it is first called.
   *  @throws {BuildError} `DISK_FULL`, and for secrets and agents that cannot be had */
  async open(): Promise<BuildServices> {
    if (this.#services !== undefined) return this.#services
    this.#folder = await makeLookFolder()
    this.#services = new BuildServices({ ...this.#settings, root: this.#folder, noCache: false }, this.#surroundings)
    await this.#services.begin()
    return this.#services
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#services?.[Symbol.asyncDispose]()
    } finally {
      if (this.#folder !== undefined) await removeTree(this.#folder)
    }
  }
}
