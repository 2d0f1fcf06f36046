import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run, type Command } from '../command.ts'
import type { Builder, BuildRequest } from './builder.ts'

/** Limits that need no privilege that a container's root lacks. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']

/** `buildah build`, and `buildah push` for what does not stay in its store. */
export class Buildah implements Builder {
  readonly name = 'buildah'
  readonly version: string
  readonly daemons = []
  readonly writesArchives = true
  readonly #buildah: readonly [string, ...string[]]

  private constructor(version: string, command: string, folder: string) {
    this.version = version
    this.#buildah = [
      command,
      ...['--root', join(folder, 'buildah-store'), '--runroot', join(folder, 'buildah-run')],
      ...['--storage-driver', 'overlay'],
    ]
  }

  /** @param others the folder given to others.sh
   *  @returns undefined if it is not there */
  static async find(others: string | undefined, folder: string): Promise<Buildah | undefined> {
    if (others === undefined) return undefined
    const command = join(others, 'bin', 'buildah')
    if (!existsSync(command)) return undefined
    try {
      const [, , version = ''] = (await run({ argv: [command, '--version'] })).split(' ')
      return new Buildah(version, command, folder)
    } catch {
      return undefined
    }
  }

  commands({ context, name, noCache = false, output }: BuildRequest): readonly Command[] {
    const build: Command = {
      argv: [
        ...this.#buildah,
        ...['build', '--quiet', noCache ? '--no-cache' : '--layers', '--isolation', 'oci', '--runtime', 'runc'],
        ...[...limits, '--network', 'host', '--tls-verify=false', '-t', name, context],
      ],
    }
    switch (output.kind) {
      case 'store':
        return [build]
      case 'archive':
        return [
          build,
          this.#push(name, `oci-archive:${output.path}:${name}`, [
            '--compression-format',
            output.compression ?? 'gzip',
          ]),
        ]
      case 'registry':
        return [build, this.#push(name, `docker://${name}`)]
      default:
        return output satisfies never
    }
  }

  #push(name: string, destination: string, flags: readonly string[] = []): Command {
    return {
      argv: [
        ...this.#buildah,
        ...['push', '--quiet', '--format', 'oci', '--tls-verify=false', ...flags, name, destination],
      ],
    }
  }

  async forget(): Promise<void> {
    await run({ argv: [...this.#buildah, 'rm', '--all'] })
    await run({ argv: [...this.#buildah, 'rmi', '--all', '--force'] })
    await run({ argv: [...this.#buildah, 'prune', '--all', '--force'] })
  }
}
