import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, type Command } from '../command.ts'
import type { Builder, BuildRequest } from './builder.ts'
import { outputFlags } from './output-flags.ts'

/** `docker build`, with a daemon that others.sh has started. */
export class Docker implements Builder {
  readonly name: string
  readonly version: string
  readonly daemons: readonly number[]
  readonly writesArchives: boolean
  readonly #docker: string

  private constructor(name: string, version: string, docker: string, daemon: number) {
    this.name = name
    this.version = version
    this.daemons = [daemon]
    this.#docker = docker
    this.writesArchives = name === 'docker'
  }

  /** @param others the folder given to others.sh
   *  @param name of the command there
   *  @returns undefined if it is not there or does not answer */
  static async find(others: string | undefined, name: 'docker' | 'docker-classic'): Promise<Docker | undefined> {
    if (others === undefined) return undefined
    const docker = join(others, 'bin', name)
    const pidFile = join(others, `${name}.pid`)
    if (!existsSync(docker) || !existsSync(pidFile)) return undefined
    try {
      const server = await run({ argv: [docker, 'version', '--format', '{{.Server.Version}}'] })
      const buildx = await run({ argv: [docker, 'buildx', 'version'] })
      const store = name === 'docker' ? "containerd's store" : 'classic store'
      const version = `${server.trim()}, ${store}, buildx ${buildx.trim().split(' ')[1] ?? ''}`
      return new Docker(name, version, docker, Number(readFileSync(pidFile, 'utf8')))
    } catch {
      return undefined
    }
  }

  commands({ context, name, noCache = false, output }: BuildRequest): readonly Command[] {
    const flags = ['--quiet', '--provenance=false', '--network=host', '-t', name, ...(noCache ? ['--no-cache'] : [])]
    return [{ argv: [this.#docker, 'build', ...flags, ...outputFlags(output), context] }]
  }

  async forget(): Promise<void> {
    await run({ argv: [this.#docker, 'system', 'prune', '--all', '--force'] })
    await run({ argv: [this.#docker, 'builder', 'prune', '--all', '--force'] })
  }
}
