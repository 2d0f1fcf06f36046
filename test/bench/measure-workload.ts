import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describeTree } from '../support/tree.ts'
import type { Builder } from './builders/builder.ts'
import { fetchBuilt } from './built-image.ts'
import { firstDifference } from './checks.ts'
import { run, time } from './command.ts'
import { PeakMemory } from './peak-memory.ts'
import type { Row } from './report.ts'
import type { Floor, Measurement, Place, Workload } from './workloads/workload.ts'

/** What is known of one builder in one measurement so far. */
interface Contender {
  readonly builder: Builder
  readonly measurement: Measurement
  readonly times: number[]
  peakMemoryBytes?: number
  sizeBytes?: number
  remark?: string
  hasFailed: boolean
}

interface Ground {
  readonly floor: Floor
  readonly times: number[]
  remark?: string
}

/** Measures one workload. In round 0 the images are looked at and memory is watched; in those that follow, all builders and floors are timed in turn.
 *  A builder that fails, or makes a wrong image, is left out from there on, with a remark. */
export async function measureWorkload(
  workload: Workload,
  builders: readonly Builder[],
  rounds: number,
  place: Place,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const { measurements, floors } = workload.prepare(place)
  const contenders = builders.map((builder) =>
    measurements.map((measurement): Contender => ({ builder, measurement, times: [], hasFailed: false })),
  )
  const grounds = floors.map((floor): Ground => ({ floor, times: [] }))
  const trees = new Map<Measurement, readonly string[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const ofBuilder of contenders) {
      for (const contender of ofBuilder) {
        try {
          if (round === 0) await lookAt(contender, place, trees)
          else if (!contender.hasFailed) await takeTime(contender, round)
        } catch (error) {
          signal.throwIfAborted() // what ran had the same signal, and failed
          contender.hasFailed = true
          contender.remark = (error as Error).message
        }
      }
    }
    if (round > 0) for (const ground of grounds) await timeFloor(ground)
    signal.throwIfAborted()
  }
  return [
    ...measurements.flatMap((measurement) =>
      contenders
        .flat()
        .filter((contender) => contender.measurement === measurement)
        .map(toRow),
    ),
    ...grounds.map(({ floor, times, remark }) => ({
      workload: floor.of,
      by: floor.name,
      isFloor: true,
      times,
      remark,
    })),
  ]
}

async function lookAt(
  contender: Contender,
  { folder, registry }: Place,
  trees: Map<Measurement, readonly string[]>,
): Promise<void> {
  const { builder, measurement } = contender
  if (measurement.isArchive && !builder.writesArchives) throw new Error('it writes no OCI archives')
  await measurement.setUp?.(builder)
  const request = measurement.request(builder, 0)
  {
    using memory = new PeakMemory(builder.daemons)
    await time(builder.commands(request), memory)
    contender.peakMemoryBytes = memory.peakBytes
  }
  const unpacked = join(folder, 'unpacked-image')
  mkdirSync(unpacked)
  try {
    const { root, sizeBytes } = await fetchBuilt(builder, request, registry, unpacked)
    contender.sizeBytes = sizeBytes
    measurement.check(root, 0, builder)
    const tree = describeTree(root)
    const first = trees.get(measurement) ?? tree
    trees.set(measurement, first)
    const difference = firstDifference(tree, first)
    if (difference !== undefined) contender.remark = `another image than the first builder's: ${difference}`
  } finally {
    rmSync(unpacked, { recursive: true, force: true })
  }
}

async function takeTime({ builder, measurement, times }: Contender, round: number): Promise<void> {
  await measurement.setUp?.(builder)
  const commands = builder.commands(measurement.request(builder, round))
  await settle()
  times.push(await time(commands))
}

async function timeFloor(ground: Ground): Promise<void> {
  if (ground.remark !== undefined) return
  const { setUp, commands } = ground.floor
  try {
    if (setUp !== undefined) await run(setUp)
    await settle()
    ground.times.push(await time(commands))
  } catch (error) {
    ground.remark = (error as Error).message
  }
}

/** What went before is written to disk now, and not while the next one runs. */
async function settle(): Promise<void> {
  await run({ argv: ['sync'] })
}

function toRow({ builder, measurement, times, peakMemoryBytes, sizeBytes, remark }: Contender): Row {
  return { workload: measurement.name, by: builder.name, isFloor: false, times, peakMemoryBytes, sizeBytes, remark }
}
