import type { BuildEvent } from '../../core/events.ts'
import { OutputText } from './output-text.ts'

/** As many lines of a failed step as fit on a screen beside the error. */
const shownLines = 20
/** And as much of them, since a line may have any length. */
const shownCharacters = 16 * 1024

/** The last output of the step that failed, for the end of the build, where people look. */
export class FailureLog {
  readonly #output = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #failed: string[] = []
  readonly #text = new OutputText()

  note(event: BuildEvent): void {
    if (event.type === 'vertex-started') this.#names.set(event.vertex, event.name)
    if (event.type === 'vertex-output') this.#keep(event.vertex, this.#text.decode(event))
    if (event.type === 'vertex-finished' && event.outcome.kind === 'failed') this.#failed.push(event.vertex)
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
    this.#output.set(
      vertex,
      lines
        .slice(-shownLines - 1)
        .join('\n')
        .slice(-shownCharacters),
    )
  }
}
