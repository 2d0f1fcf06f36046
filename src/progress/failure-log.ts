import type { BuildEvent } from '../../core/events.ts'

/** As many lines of a failed step as fit on a screen beside the error. */
const shownLines = 20

/** The last output of the step that failed, for the end of the build, where people look. */
export class FailureLog {
  readonly #output = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #failed: string[] = []

  note(event: BuildEvent): void {
    if (event.type === 'vertex-started') this.#names.set(event.vertex, event.name)
    if (event.type === 'vertex-output') this.#keep(event.vertex, Buffer.from(event.chunk).toString())
    if (event.type === 'vertex-finished' && event.outcome.kind === 'failed') this.#failed.push(event.vertex)
    if (event.type === 'vertex-finished') return
  }

  /** Empty when no step failed that had printed anything. */
  render(): string {
    return this.#failed
      .flatMap((vertex) => {
        const lines = (this.#output.get(vertex) ?? '').replace(/\n$/, '').split('\n')
        if (lines.join('') === '') return []
        const shown = lines.slice(-shownLines).map((line) => ` > ${line}\n`)
        return [`------\n > ${this.#names.get(vertex) ?? ''}:\n${shown.join('')}------\n`]
      })
      .join('')
  }

  #keep(vertex: string, text: string): void {
    const lines = ((this.#output.get(vertex) ?? '') + text).split('\n')
    this.#output.set(vertex, lines.slice(-shownLines - 1).join('\n'))
  }
}
