import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles, assertSameTree } from '../checks.ts'
import { time } from '../command.ts'
import type { Builder, BuildRequest } from '../builders/builder.ts'
import { layerCount, makeLargeLayers } from './large-layers.ts'
import type { Workload } from './workload.ts'

const layers = Array.from({ length: layerCount }, (_, index) => index)

/** An image of 1 GB, built before, with a small file on top of it: to a registry that has nothing of it; and again when that file has changed. */
export const push: Workload = {
  name: 'push',
  prepare({ folder, scale, registry, emptyRegistry, base }) {
    const files = join(folder, 'large')
    makeLargeLayers(files, scale)
    const copies = layers.map((index) => `COPY layer${index} /`)
    writeFiles(files, { Dockerfile: `${[`FROM ${base.name}`, ...copies].join('\n')}\n` })
    const large: BuildRequest = { context: files, name: 'bench-large', output: { kind: 'store' } }
    const context = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM bench-large\nCOPY small /small\n' })
    const small = join(context, 'small')
    const request = (builder: Builder, kind: 'store' | 'registry'): BuildRequest => ({
      context,
      name: `${registry}/push-${builder.name}:latest`,
      output: { kind },
    })
    const check = (root: string): void => {
      for (const index of layers)
        assertSameTree(join(root, `large${index}`), join(files, `layer${index}`, `large${index}`))
    }
    return {
      measurements: [
        {
          name: 'push, cold',
          async setUp(builder) {
            emptyRegistry()
            await base.provide(builder)
            await time(builder.commands(large))
            writeFileSync(small, 'as it was')
            await time(builder.commands(request(builder, 'store')))
          },
          request: (builder) => request(builder, 'registry'),
          check,
        },
        {
          name: 'push, one layer changed',
          request(builder, round) {
            writeFileSync(small, `changed in round ${round}`)
            return request(builder, 'registry')
          },
          check(root, round) {
            check(root)
            assertFiles(root, { small: `changed in round ${round}` })
          },
        },
      ],
      floors: [],
    }
  },
}
