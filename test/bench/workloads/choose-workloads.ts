import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { UsageError, type Options } from '../options.ts'
import { contextScan } from './context-scan.ts'
import { copyMany, copyManyZstd, copyOneChanged } from './copy-many.ts'
import { debianRun } from './debian-run.ts'
import { fanout } from './fanout.ts'
import { manyLayers } from './many-layers.ts'
import { noop } from './noop.ts'
import { pullNothing } from './pull-nothing.ts'
import { pullUnpack } from './pull-unpack.ts'
import { push } from './push.ts'
import { run10 } from './run10.ts'
import type { Workload } from './workload.ts'

const allWorkloads = [
  noop,
  run10,
  manyLayers,
  copyMany,
  copyManyZstd,
  copyOneChanged,
  fanout,
  contextScan,
  pullUnpack,
  pullNothing,
  push,
  debianRun,
]

/** Those that are wanted and can be had here; says which cannot.
 *  @throws {UsageError} */
export function chooseWorkloads({ workloads, smoke }: Options): readonly Workload[] {
  const unknown = workloads?.filter((name) => !allWorkloads.some((workload) => workload.name === name)) ?? []
  if (unknown.length > 0)
    throw new UsageError(
      `no workload ${unknown.join(', ')}; there are ${allWorkloads.map(({ name }) => name).join(', ')}`,
    )
  return allWorkloads.filter(({ name, needs, isSlowToPrepare = false }) => {
    if (!(workloads?.includes(name) ?? !(smoke && isSlowToPrepare))) return false
    if (needs === undefined || isInstalled(needs)) return true
    console.error(`${name}: left out, since ${needs} is not installed`)
    return false
  })
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}
