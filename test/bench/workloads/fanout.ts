import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertFiles } from '../checks.ts'
import { shell } from '../command.ts'
import { scaled, type Workload } from './workload.ts'

const stages = [0, 1, 2, 3, 4, 5, 6, 7]

/** Eight stages that do not need each other, each with about a second of work, joined by COPY --from. */
export const fanout: Workload = {
  name: 'fanout',
  prepare({ folder, scale, base }) {
    const work = `i=0; while [ $i -lt ${scaled(1_500_000, scale)} ]; do i=$((i+1)); done`
    const lines = [
      ...stages.flatMap((stage) => [`FROM ${base.name} AS s${stage}`, `RUN ${work}; echo ${stage} > /made`]),
      'FROM scratch',
      ...stages.map((stage) => `COPY --from=s${stage} /made /made${stage}`),
    ]
    const context = writeFiles(folder, { Dockerfile: `${lines.join('\n')}\n` })
    const loop = `seq 8 | xargs -P ${availableParallelism()} -I@ ${join(base.root, 'bin/busybox')} sh -c '${work}'`
    return {
      measurements: [
        {
          name: 'fanout',
          setUp: (builder) => base.provide(builder),
          request: () => ({ context, name: 'bench-fanout', noCache: true, output: { kind: 'store' } }),
          check: (root) => assertFiles(root, Object.fromEntries(stages.map((stage) => [`made${stage}`, `${stage}\n`]))),
        },
      ],
      floors: [{ name: 'the work alone, on all cores', of: 'fanout', commands: [shell(loop)] }],
    }
  },
}
