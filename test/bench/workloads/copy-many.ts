import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertSameTree } from '../checks.ts'
import { shell, time } from '../command.ts'
import { generateFiles } from '../generate.ts'
import { scaled, type Workload } from './workload.ts'

/** COPY of 30,000 files, 250 MB, into an OCI archive with gzip layers. */
export const copyMany = copyInto('copy-many', 'gzip', (tar) => [`${tar} | gzip`, `${tar} | gzip -1`])

/** The same with zstd layers. */
export const copyManyZstd = copyInto('copy-many-zstd', 'zstd', (tar) => [`${tar} | zstd -3`, `${tar} | zstd -3 -T0`])

/** @param floors command lines, given the one that writes the files as an archive to its standard output */
function copyInto(name: string, compression: 'gzip' | 'zstd', floors: (tar: string) => readonly string[]): Workload {
  return {
    name,
    prepare({ folder, scale }) {
      const context = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM scratch\nCOPY files /files\n' })
      generateFiles(join(context, 'files'), { seed: 1, count: scaled(30_000, scale), totalBytes: 250e6 * scale })
      return {
        measurements: [
          {
            name,
            isArchive: true,
            setUp: (builder) => builder.forget(),
            request: (builder) => ({
              context,
              name: `bench-${name}`,
              output: { kind: 'archive', path: join(folder, `${builder.name}.tar`), compression },
            }),
            check: (root) => assertSameTree(join(root, 'files'), join(context, 'files')),
          },
        ],
        floors: [
          {
            name: '`sha256sum` of the files',
            of: name,
            commands: [shell('find files -type f | xargs sha256sum >/dev/null', context)],
          },
          ...floors('tar -c --sort=name files').map((line) => ({
            name: `\`${line.replace('-c --sort=name files ', '')}\` of the files`,
            of: name,
            commands: [shell(`${line} >/dev/null`, context)],
          })),
        ],
      }
    },
  }
}

/** The same with a RUN after it, when one file has changed since the image was made. */
export const copyOneChanged: Workload = {
  name: 'copy-one-changed',
  prepare({ folder, scale, base }) {
    const context = writeFiles(join(folder, 'context'), {
      Dockerfile: `FROM ${base.name}\nCOPY files /files\nRUN cp /files/changing /copied\n`,
    })
    generateFiles(join(context, 'files'), { seed: 1, count: scaled(30_000, scale), totalBytes: 250e6 * scale })
    const changing = join(context, 'files/changing')
    const archive = (name: string) =>
      ({
        context,
        name: 'bench-copy-one-changed',
        output: { kind: 'archive', path: join(folder, `${name}.tar`) },
      }) as const
    return {
      measurements: [
        {
          name: 'copy-one-changed',
          isArchive: true,
          async setUp(builder) {
            await base.provide(builder)
            writeFileSync(changing, 'as it was')
            await time(builder.commands(archive(builder.name)))
          },
          request(builder, round) {
            writeFileSync(changing, `changed in round ${round}`)
            return archive(builder.name)
          },
          check(root) {
            assertSameTree(join(root, 'files'), join(context, 'files'))
            if (statSync(join(root, 'copied')).size !== statSync(changing).size)
              throw new Error('an old file was copied')
          },
        },
      ],
      floors: [],
    }
  },
}
