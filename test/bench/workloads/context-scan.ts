import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFiles } from '../../support/stave.ts'
import { assertSameTree } from '../checks.ts'
import { shell } from '../command.ts'
import { generatedPath } from '../generate.ts'
import { scaled, type Workload } from './workload.ts'

const kept = Array.from({ length: 10 }, (_, index) => `kept${index}.txt`)

/** A context of 100,000 files of which ten are wanted. What is ignored can be a folder that need not be looked into, or names that may be anywhere. */
export const contextScan: Workload = {
  name: 'context-scan',
  prepare({ folder, scale }) {
    const contexts = { pruned: join(folder, 'pruned'), walked: join(folder, 'walked') }
    const keptFiles = Object.fromEntries(kept.map((name) => [name, name]))
    const dockerfile = { Dockerfile: 'FROM scratch\nCOPY . /files/\n' }
    writeFiles(contexts.pruned, {
      ...dockerfile,
      ...keptFiles,
      '.dockerignore': 'ignored\nDockerfile\n.dockerignore\n',
    })
    writeFiles(contexts.walked, { ...dockerfile, ...keptFiles, '.dockerignore': '**\n!**/kept*.txt\n' })
    for (const context of Object.values(contexts)) makeIgnored(join(context, 'ignored'), scaled(100_000, scale))
    const expected = writeFiles(join(folder, 'expected'), keptFiles)
    const walk = (context: string) => [shell('find . -type f >/dev/null', context)]
    return {
      measurements: Object.entries(contexts).map(([name, context]) => ({
        name: `context-scan, ${name}`,
        request: () => ({ context, name: 'bench-context-scan', noCache: true, output: { kind: 'store' } }),
        check: (root: string) => assertSameTree(join(root, 'files'), expected),
      })),
      floors: [{ name: '`find` in the context', of: 'context-scan, walked', commands: walk(contexts.walked) }],
    }
  },
}

function makeIgnored(folder: string, count: number): void {
  for (let index = 0; index < count; index++) {
    const path = join(folder, generatedPath(index))
    if (index < 1200) mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'x')
  }
}
