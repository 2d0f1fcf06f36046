import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles, assertSameTree } from '../checks.ts'
import { time } from '../command.ts'
import type { Builder, BuildRequest } from '../builders/builder.ts'
import { layerCount, makeLargeLayers } from './large-layers.ts'
import type { Workload } from './workload.ts'

const layers = Array.from({ length: layerCount }, (_, index) => index)

/** An image of five large layers, built before, to a registry that has nothing of it; and again when the uppermost layer has changed. */
export const push: Workload = {
  name: 'push',
  prepare({ folder, scale, registry, emptyRegistry, base }) {
    const copies = layers.map((index) => `COPY layer${index} /`)
    const context = writeFiles(folder, { Dockerfile: `${[`FROM ${base.name}`, ...copies].join('\n')}\n` })
    makeLargeLayers(context, scale)
    const changing = join(context, `layer${layerCount - 1}`, 'changing')
    const request = (builder: Builder, kind: 'store' | 'registry'): BuildRequest => ({
      context,
      name: `${registry}/push-${builder.name}:latest`,
      output: { kind },
    })
    const check = (root: string): void => {
      for (const index of layers)
        assertSameTree(join(root, `large${index}`), join(context, `layer${index}`, `large${index}`))
    }
    return {
      measurements: [
        {
          name: 'push, cold',
          async setUp(builder) {
            emptyRegistry()
            await base.provide(builder)
            writeFileSync(changing, 'as it was')
            await time(builder.commands(request(builder, 'store')))
          },
          request: (builder) => request(builder, 'registry'),
          check,
        },
        {
          name: 'push, one layer changed',
          request(builder, round) {
            writeFileSync(changing, `changed in round ${round}`)
            return request(builder, 'registry')
          },
          check(root, round) {
            check(root)
            assertFiles(root, { changing: `changed in round ${round}` })
          },
        },
      ],
      floors: [],
    }
  },
}
