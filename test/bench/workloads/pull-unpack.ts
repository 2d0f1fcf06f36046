import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles, assertSameTree } from '../checks.ts'
import { shell } from '../command.ts'
import { pushLargeBase } from './large-base.ts'
import { layerCount } from './large-layers.ts'
import type { Workload } from './workload.ts'

const layers = Array.from({ length: layerCount }, (_, index) => index)

/** A RUN on a base of 1 GB in a registry, of which nothing is here yet. */
export const pullUnpack: Workload = {
  name: 'pull-unpack',
  needs: 'umoci',
  prepare(place) {
    const { folder } = place
    const { name, layout, files, digests } = pushLargeBase(place)
    const context = writeFiles(join(folder, 'context'), { Dockerfile: `FROM ${name}\nRUN echo 1 > /one\n` })
    const unpacked = join(folder, 'unpacked')
    const blobs = digests.map((digest) => join(layout, 'blobs', digest.replace(':', '/')))
    const unpack = blobs.map((blob) => `tar -xzf ${blob} -C ${unpacked}`)
    return {
      measurements: [
        {
          name: 'pull-unpack',
          setUp: (builder) => builder.forget(),
          request: () => ({ context, name: 'bench-pull-unpack', output: { kind: 'store' } }),
          check(root) {
            assertFiles(root, { one: '1\n' })
            for (const index of layers)
              assertSameTree(join(root, `large${index}`), join(files, `layer${index}`, `large${index}`))
          },
        },
      ],
      floors: [
        {
          name: '`tar -xz` of its layers',
          of: 'pull-unpack',
          setUp: shell(`rm -rf ${unpacked}; mkdir ${unpacked}`),
          commands: [shell(unpack.join('; '))],
        },
        { name: '`sha256sum` of its layers', of: 'pull-unpack', commands: [{ argv: ['sha256sum', ...blobs] }] },
      ],
    }
  },
}
