import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { makeDebianRoot } from '../../support/debian-root.ts'
import { writeFiles } from '../../support/stave.ts'
import { assertSameTree } from '../checks.ts'
import { shell, time } from '../command.ts'
import { scaled, type Workload } from './workload.ts'

/** RUNs on Debian that write some 100 MB each, real programs and libraries, in three layers, into an OCI archive. */
export const debianRun: Workload = {
  name: 'debian-run',
  needs: 'mmdebstrap',
  isSlowToPrepare: true,
  prepare({ folder, scale }) {
    const baseContext = writeFiles(join(folder, 'base'), { Dockerfile: 'FROM scratch\nADD root.tar /\n' })
    makeDebianRoot(join(baseContext, 'root.tar'))
    const copies = Array.from({ length: scaled(3, scale) }, (_, index) => `RUN cp -a /usr /copy${index}`)
    const context = writeFiles(join(folder, 'context'), {
      Dockerfile: `${['FROM bench-debian', ...copies].join('\n')}\n`,
    })
    const unpacked = writeFiles(join(folder, 'unpacked'), {})
    execFileSync('tar', ['-xf', join(baseContext, 'root.tar'), '-C', unpacked, './usr'])
    return {
      measurements: [
        {
          name: 'debian-run',
          isArchive: true,
          setUp: (builder) =>
            time(builder.commands({ context: baseContext, name: 'bench-debian', output: { kind: 'store' } })).then(
              () => undefined,
            ),
          request: (builder) => ({
            context,
            name: 'bench-debian-run',
            noCache: true,
            output: { kind: 'archive', path: join(folder, `${builder.name}.tar`) },
          }),
          check(root) {
            for (const index of copies.keys()) assertSameTree(join(root, `copy${index}`), join(root, 'usr'))
          },
        },
      ],
      floors: [
        {
          name: '`tar | gzip` of one of the layers',
          of: 'debian-run',
          commands: [shell('tar -c usr | gzip >/dev/null', unpacked)],
        },
      ],
    }
  },
}
