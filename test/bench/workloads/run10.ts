import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shell } from '../command.ts'
import { assertFiles } from '../checks.ts'
import { writeFiles } from '../../support/stave.ts'
import type { Workload } from './workload.ts'

const indexes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

/** Ten RUNs that do next to nothing, all carried out: what a step costs. */
export const run10: Workload = {
  name: 'run10',
  prepare({ folder, base }) {
    const lines = [`FROM ${base.name}`, ...indexes.map((index) => `RUN echo ${index} > /f${index}`)]
    const context = writeFiles(join(folder, 'context'), { Dockerfile: `${lines.join('\n')}\n` })
    const bundle = makeBundle(join(folder, 'bundle'), base.root)
    const crun = `crun --cgroup-manager=disabled --root ${join(folder, 'crun-state')} run --bundle ${bundle} bench-$i`
    // Where a machine has control groups of both versions, crun wants to see one.
    const runTen = `umount /sys/fs/cgroup/unified 2>/dev/null || true; for i in ${indexes.join(' ')}; do ${crun}; done`
    return {
      measurements: [
        {
          name: 'run10',
          setUp: (builder) => base.provide(builder),
          request: () => ({ context, name: 'bench-run10', noCache: true, output: { kind: 'store' } }),
          check: (root) => assertFiles(root, Object.fromEntries(indexes.map((index) => [`f${index}`, `${index}\n`]))),
        },
      ],
      floors: [
        {
          name: 'ten times `crun run`',
          of: 'run10',
          commands: [shell(`unshare --mount sh -euc '${runTen}'`)],
        },
      ],
    }
  },
}

/** A bundle for `crun` whose process does what such a step does. */
function makeBundle(bundle: string, root: string): string {
  writeFiles(bundle, {})
  execFileSync('crun', ['spec'], { cwd: bundle })
  const path = join(bundle, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as {
    process: { terminal: boolean; args: string[]; env: string[]; rlimits?: unknown }
    root: { path: string; readonly: boolean }
    linux: { resources?: unknown; namespaces: readonly { readonly type: string }[] }
  }
  config.process = { ...config.process, terminal: false, args: ['sh', '-c', 'echo 0 > /tmp/f'], env: ['PATH=/bin'] }
  delete config.process.rlimits // raising them needs a privilege that a container's root lacks
  delete config.linux.resources
  // As a build step has it: the machine's network.
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network' && type !== 'cgroup')
  config.root = { path: root, readonly: false }
  writeFileSync(path, JSON.stringify(config))
  return bundle
}
