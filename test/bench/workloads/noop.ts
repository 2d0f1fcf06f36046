import { time } from '../command.ts'
import { assertFiles } from '../checks.ts'
import { writeFiles } from '../../support/stave.ts'
import type { Workload } from './workload.ts'

/** A Dockerfile of ten steps of which all are known. */
export const noop: Workload = {
  name: 'noop',
  prepare({ folder, base }) {
    const lines = [
      `FROM ${base.name}`,
      'WORKDIR /app',
      'COPY a .',
      'RUN echo 1 > /1',
      'ENV X=y',
      'COPY b .',
      'RUN echo 2 > /2',
      'LABEL l=m',
      'RUN echo 3 > /3',
      'CMD ["sh"]',
    ]
    const context = writeFiles(folder, { Dockerfile: `${lines.join('\n')}\n`, a: 'a', b: 'b' })
    const request = { context, name: 'bench-noop', output: { kind: 'store' } } as const
    return {
      measurements: [
        {
          name: 'noop',
          async setUp(builder) {
            await base.provide(builder)
            await time(builder.commands(request))
          },
          request: () => request,
          check: (root) => assertFiles(root, { 'app/a': 'a', 'app/b': 'b', '1': '1\n', '2': '2\n', '3': '3\n' }),
        },
      ],
      floors: [],
    }
  },
}
