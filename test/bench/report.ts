import { arch, cpus, release, totalmem } from 'node:os'
import type { Builder } from './builders/builder.ts'

/** What was measured of one builder, or of a floor, in one measurement. */
export interface Row {
  readonly workload: string
  readonly by: string
  readonly isFloor: boolean
  /** Milliseconds, round by round; empty if nothing was timed. */
  readonly times: readonly number[]
  readonly peakMemoryBytes?: number
  readonly sizeBytes?: number
  /** Why it is left out, or in what its image differs. */
  readonly remark?: string
}

export interface Report {
  readonly machine: string
  readonly builders: readonly Pick<Builder, 'name' | 'version'>[]
  readonly rounds: number
  readonly scale: number
  /** Of starting Node and doing nothing; empty if nothing was timed. */
  readonly nodeTimes: readonly number[]
  readonly rows: readonly Row[]
}

export function describeMachine(): string {
  const [first] = cpus()
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  return `${cpus().length} × ${first?.model ?? arch()}, ${memory} GB, Linux ${release()}, Node ${process.versions.node}`
}

/** As Markdown. */
export function renderReport({ machine, builders, rounds, scale, nodeTimes, rows }: Report): string {
  const node = median(nodeTimes)
  const lines = [
    machine,
    '',
    ...builders.map(({ name, version }) => `- ${name} ${version}`),
    '',
    `${rounds} rounds, scale ${scale}; \`node -e 0\` ${formatTime(node)}.`,
    '',
    '| workload | by | median | of stave | of `node -e 0` | memory | image |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${cells(row, rows, node).join(' | ')} |`),
  ]
  const remarks = rows
    .filter(({ remark }) => remark !== undefined)
    .map(({ workload, by, remark }) => `- ${workload}, ${by}: ${remark}`)
  return [...lines, ...(remarks.length > 0 ? ['', ...remarks] : []), ''].join('\n')
}

/** What is known when nothing was timed: a line for each image, whether it is right. */
export function renderLooks({ rows }: Report): string {
  return rows
    .filter(({ isFloor }) => !isFloor)
    .map(({ workload, by, remark }) => `${workload}, ${by}: ${remark ?? 'right'}`)
    .join('\n')
}

function cells(row: Row, rows: readonly Row[], node: number): readonly string[] {
  const taken = median(row.times)
  const ofStave = rows.find(({ workload, by }) => workload === row.workload && by === 'stave')
  return [
    row.workload,
    (row.isFloor ? `_${row.by}_` : row.by).replace('|', '\\|'),
    formatTime(taken),
    formatRatio(taken / median(ofStave?.times ?? [])),
    formatRatio(taken / node),
    formatBytes(row.peakMemoryBytes),
    formatBytes(row.sizeBytes),
  ]
}

function formatTime(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) return '-'
  return milliseconds < 10_000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}

function formatRatio(ratio: number): string {
  return Number.isNaN(ratio) ? '-' : ratio.toFixed(2)
}

function formatBytes(bytes: number | undefined): string {
  return bytes === undefined ? '-' : `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[middle - 1 + (sorted.length % 2)], sorted[middle]]
  return low === undefined || high === undefined ? NaN : (low + high) / 2
}
