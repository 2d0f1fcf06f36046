import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, stave, writeFiles, type Files, type Finished, type StaveOptions } from './stave.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { unpackWithUmoci } from './tree.ts'

/** The image's config file, as far as tests look at it. */
export interface Inspected {
  readonly created?: string
  readonly architecture: string
  readonly os: string
  readonly author?: string
  readonly config: Readonly<Record<string, unknown>>
  readonly rootfs: { readonly diff_ids: readonly string[] }
  readonly history: readonly {
    readonly created_by?: string
    readonly empty_layer?: boolean
    readonly comment?: string
    readonly created?: string
  }[]
}

/** How the command is run. */
export type ProjectOptions = Pick<StaveOptions, 'env' | 'prefix'>

/** A context, a store and places for outputs, for one test. */
export class Project {
  readonly root = temporaryFolder()
  readonly context = join(this.root, 'context')
  readonly store = join(this.root, 'store')
  readonly #base: string
  readonly #options: ProjectOptions
  #outputs = 0

  /** @param base path of a layout whose image `base` Dockerfiles may start from; @param files the context, `Dockerfile` included. */
  constructor(base: string, files: Files, options: ProjectOptions = {}) {
    this.#base = base
    this.#options = options
    writeFiles(this.context, files)
  }

  get args(): readonly string[] {
    return ['--build-context', `base=oci-layout://${this.#base}:base`, this.context]
  }

  /** Runs the build, whatever comes of it. */
  try(...args: readonly string[]): Promise<Finished> {
    return stave(['build', '--progress=plain', ...args, ...this.args], { store: this.store, ...this.#options })
  }

  /** As `try()`, with other variables of the environment. */
  tryWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Finished> {
    return stave(['build', '--progress=plain', ...args, ...this.args], { store: this.store, env })
  }

  /** @returns the image's digest */
  build(...args: readonly string[]): Promise<string> {
    return build([...args, ...this.args], { store: this.store, ...this.#options })
  }

  /** Builds into an OCI layout folder.
   *  @returns its path; the image's tag there is `latest` */
  async buildLayout(...args: readonly string[]): Promise<string> {
    const layout = join(this.root, `layout-${++this.#outputs}`)
    await this.build('--output', `type=oci,dest=${layout},tar=false,name=test:latest`, ...args)
    return layout
  }

  /** Builds, and unpacks the image with umoci.
   *  @returns the root file system's folder */
  async buildTree(...args: readonly string[]): Promise<string> {
    return unpackWithUmoci(await this.buildLayout(...args), 'latest', join(this.root, `unpacked-${this.#outputs}`))
  }

  /** Builds, and reads the image's config with skopeo. */
  async buildConfig(...args: readonly string[]): Promise<Inspected> {
    return inspectConfig(await this.buildLayout(...args))
  }

  /** Builds, and unpacks the files that `type=tar` gives with GNU tar. */
  async buildFiles(...args: readonly string[]): Promise<string> {
    const folder = join(this.root, `files-${++this.#outputs}`)
    mkdirSync(folder)
    await this.build('--output', `type=tar,dest=${folder}.tar`, ...args)
    execFileSync('tar', [
      '-x',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '-p',
      '-f',
      `${folder}.tar`,
      '-C',
      folder,
    ])
    return folder
  }
}

export function inspectConfig(layout: string): Inspected {
  const text = execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${layout}:latest`], { encoding: 'utf8' })
  return JSON.parse(text) as Inspected
}

/** For each layer, from the lowest: the names that GNU tar lists in it. */
export function layerNames(layout: string): readonly (readonly string[])[] {
  const text = execFileSync('skopeo', ['inspect', '--raw', `oci:${layout}:latest`], { encoding: 'utf8' })
  const manifest = JSON.parse(text) as { readonly layers: readonly { readonly digest: string }[] }
  return manifest.layers.map(({ digest }) => {
    const blob = join(layout, 'blobs', digest.replace(':', '/'))
    return execFileSync('tar', ['-tzf', blob], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .filter((name) => name !== '')
  })
}
