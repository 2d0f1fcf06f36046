import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeBusyboxRoot } from '../support/busybox-root.ts'
import type { Builder } from './builders/builder.ts'
import { time } from './command.ts'

/** The small image that most workloads start from: busybox, and the places that builders would make for their own mounts. */
export class BaseImage {
  readonly name = 'bench-base'
  readonly context: string

  constructor(folder: string) {
    this.context = folder
    const root = join(folder, 'root')
    mkdirSync(root, { recursive: true })
    makeBusyboxRoot(root)
    for (const name of ['hosts', 'resolv.conf']) writeFileSync(join(root, 'etc', name), '')
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY root /\nENV PATH=/bin\n')
  }

  /** Files of the root file system. */
  get root(): string {
    return join(this.context, 'root')
  }

  /** Puts the image into the builder's store. */
  async provide(builder: Builder): Promise<void> {
    await time(builder.commands({ context: this.context, name: this.name, output: { kind: 'store' } }))
  }
}
