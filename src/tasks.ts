import { BuildError } from '../core/errors.ts'
import type { BuildEvent, Outcome, Warning } from '../core/events.ts'

/** Reports what a build does beside its graph. */
export class Tasks {
  readonly emit: (event: BuildEvent) => void
  readonly #startedMs = performance.now()
  #count = 0

  constructor(emit: (event: BuildEvent) => void) {
    this.emit = emit
  }

  /** Milliseconds since the build began. */
  readonly now = (): number => performance.now() - this.#startedMs

  /** Reports the work's beginning and its end, however it ends. */
  async run<T>(name: string, work: (report: TaskReport) => Promise<T>): Promise<T> {
    const task = `task-${++this.#count}`
    this.emit({ type: 'task-started', task, name, atMs: this.now() })
    const finish = (outcome: Outcome): void => this.emit({ type: 'task-finished', task, outcome, atMs: this.now() })
    try {
      const result = await work((detail, doneBytes, totalBytes) =>
        this.emit({ type: 'task-progress', task, detail, doneBytes, totalBytes, atMs: this.now() }),
      )
      finish({ kind: 'done' })
      return result
    } catch (error) {
      finish(failedOutcome(error))
      throw error
    }
  }

  warn(warning: Warning): void {
    this.emit({ type: 'warning', warning, atMs: this.now() })
  }

  /** A warning of the machinery. */
  warnOf(message: string): void {
    this.warn({ rule: undefined, message, url: undefined, source: undefined })
  }
}

export type TaskReport = (detail: string, doneBytes: number, totalBytes: number | undefined) => void

function failedOutcome(error: unknown): Outcome {
  if (error instanceof BuildError) return { kind: 'failed', code: error.code, message: error.message }
  return { kind: 'failed', code: 'BUG', message: error instanceof Error ? error.message : String(error) }
}
