// Times builds by stave, and by other builders where they are set up, beside floors that none can be faster than. docs/benchmarks.md tells more.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startRegistry } from '../support/registry.ts'
import { BaseImage } from './base-image.ts'
import { findBuilders } from './builders/find-builders.ts'
import { time } from './command.ts'
import { measureWorkload } from './measure-workload.ts'
import { parseOptions, UsageError, type Options } from './options.ts'
import { describeMachine, renderLooks, renderReport, type Report, type Row } from './report.ts'
import { chooseWorkloads } from './workloads/choose-workloads.ts'

const interruption = new AbortController()
process.once('SIGINT', () => interruption.abort(new Error('interrupted')))

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError) && !interruption.signal.aborted) throw error
  console.error((error as Error).message)
  process.exitCode = interruption.signal.aborted ? 130 : 2
}

async function main(options: Options): Promise<void> {
  const parent = options.others === undefined ? tmpdir() : join(resolve(options.others), 'work')
  const folder = mkdtempSync(join(parent, 'bench-'))
  try {
    let report: Report | undefined
    for await (report of measure(options, folder)) if (options.out !== undefined) write(report, options.out)
    if (report === undefined) return
    console.log(options.smoke ? renderLooks(report) : renderReport(report))
    if (report.rows.some(({ by, remark }) => by === 'stave' && remark !== undefined)) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function write(report: Report, out: string): void {
  writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`)
  writeFileSync(out.replace(/(\.json)?$/, '.md'), renderReport(report))
}

/** Yields what is known after each workload, since a whole run takes long. */
async function* measure(options: Options, folder: string): AsyncGenerator<Report> {
  await using registry = await startRegistry()
  const builders = await findBuilders(options, folder)
  const base = new BaseImage(join(folder, 'base'))
  const { rounds, scale } = options
  const head = { machine: describeMachine(), builders: builders.map(({ name, version }) => ({ name, version })) }
  const rows: Row[] = []
  const nodeTimes: number[] = []
  for (const workload of chooseWorkloads(options)) {
    const place = {
      folder: join(folder, workload.name),
      scale,
      registry: registry.host,
      requests: () => registry.requests(),
      emptyRegistry: () => rmSync(join(registry.folder, 'docker'), { recursive: true, force: true }),
      base,
    }
    mkdirSync(place.folder)
    const began = performance.now()
    nodeTimes.push(...(await timeNode(rounds)))
    rows.push(...(await measureWorkload(workload, builders, rounds, place, interruption.signal)))
    console.error(`${workload.name}: done in ${((performance.now() - began) / 1000).toFixed(0)} s`)
    rmSync(place.folder, { recursive: true, force: true })
    yield { ...head, rounds, scale, nodeTimes, rows }
  }
  for (const builder of builders) await builder.forget()
}

/** The floor of all: starting Node and doing nothing. */
async function timeNode(rounds: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) times.push(await time([{ argv: [process.execPath, '-e', '0'] }]))
  return times
}
