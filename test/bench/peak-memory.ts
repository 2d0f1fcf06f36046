import { readdirSync, readFileSync } from 'node:fs'

const pageBytes = 4096
const intervalMs = 20

/** The most memory that some processes and all that they started held at one time: the sum of their resident sets, looked at fifty times a second.
 *  Pages that processes share count for each. Looking takes time itself, so what is watched is not timed. */
export class PeakMemory implements Disposable {
  readonly #roots: number[]
  readonly #timer: NodeJS.Timeout
  #peakBytes = 0

  /** @param daemons processes to watch from the beginning */
  constructor(daemons: readonly number[]) {
    this.#roots = [...daemons]
    this.#timer = setInterval(() => this.#look(), intervalMs)
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  watch(pid: number): void {
    this.#roots.push(pid)
  }

  #look(): void {
    const bytes = this.#roots.reduce((sum, pid) => sum + residentBytes(pid), 0)
    this.#peakBytes = Math.max(this.#peakBytes, bytes)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** Of a process and all below it; 0 if it has ended. */
function residentBytes(pid: number): number {
  try {
    const [, residentPages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return childrenOf(pid).reduce((sum, child) => sum + residentBytes(child), Number(residentPages) * pageBytes)
  } catch {
    return 0
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter((child) => child !== '')
    .map(Number)
}
