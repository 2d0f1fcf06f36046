import type { BuildEvent, Outcome, Warning } from '../../core/events.ts'
import { OutputText } from './output-text.ts'

/** A line that is longer than this is broken: some steps print for ever without ending one. */
const longestLine = 16 * 1024

/** BuildKit's plain progress: every vertex has a number, output lines carry the number and the time since the vertex began. */
export class PlainProgress {
  readonly #items = new Map<string, Item>()
  readonly #text = new OutputText()
  #shown: Item | undefined

  render(event: BuildEvent): string {
    switch (event.type) {
      case 'vertex-started':
        return this.#start(event.vertex, event.name, event.atMs)
      case 'task-started':
        return this.#start(event.task, event.name, event.atMs)
      case 'vertex-output':
        return this.#output(this.#item(event.vertex), this.#text.decode(event), event.atMs)
      case 'vertex-missed':
        return this.#missed(this.#item(event.vertex), event.reasons)
      case 'task-progress':
        return ''
      case 'vertex-finished':
        return this.#finish(this.#item(event.vertex), event.outcome, event.atMs)
      case 'task-finished':
        return this.#finish(this.#item(event.task), event.outcome, event.atMs)
      case 'warning':
        return `\n${warningText(event.warning)}\n`
      default:
        return event satisfies never
    }
  }

  #start(id: string, name: string, atMs: number): string {
    const item = { number: this.#items.size + 1, name: firstLine(name), startedMs: atMs, rest: '' }
    this.#items.set(id, item)
    return this.#turnTo(item)
  }

  #output(item: Item, text: string, atMs: number): string {
    const lines = (item.rest + text).split('\n')
    item.rest = lines.pop() ?? ''
    for (; item.rest.length > longestLine; item.rest = item.rest.slice(longestLine))
      lines.push(item.rest.slice(0, longestLine))
    if (lines.length === 0) return ''
    return this.#turnTo(item) + lines.map((line) => this.#line(item, line, atMs)).join('')
  }

  #missed(item: Item, reasons: readonly string[]): string {
    return reasons.length === 0 ? '' : `${this.#turnTo(item)}#${item.number} not cached: ${reasons.join('; ')}\n`
  }

  #finish(item: Item, outcome: Outcome, atMs: number): string {
    const rest = item.rest === '' ? '' : this.#line(item, item.rest, atMs)
    item.rest = ''
    const shown = this.#turnTo(item) + rest + `#${item.number} ${endOf(outcome, atMs - item.startedMs)}\n`
    this.#shown = undefined
    return shown
  }

  #line(item: Item, line: string, atMs: number): string {
    return `#${item.number} ${((atMs - item.startedMs) / 1000).toFixed(3)} ${line.replace(/\r$/, '')}\n`
  }

  /** A heading whenever the lines that follow belong to another vertex. */
  #turnTo(item: Item): string {
    if (this.#shown === item) return ''
    this.#shown = item
    return `\n#${item.number} ${item.name}\n`
  }

  #item(id: string): Item {
    const item = this.#items.get(id)
    if (item === undefined) throw new Error(`an event tells of ${id}, which never started`)
    return item
  }
}

interface Item {
  readonly number: number
  readonly name: string
  readonly startedMs: number
  /** Output since the last line's end. */
  rest: string
}

function endOf(outcome: Outcome, tookMs: number): string {
  switch (outcome.kind) {
    case 'done':
      return `DONE ${(tookMs / 1000).toFixed(1)}s`
    case 'cached':
      return 'CACHED'
    case 'failed':
      return `ERROR: ${firstLine(outcome.message)}`
    case 'canceled':
      return 'CANCELED'
    default:
      return outcome satisfies never
  }
}

/** `WARNING: UndefinedVar: Usage of undefined variable '$x' (Dockerfile:8)` */
function warningText({ rule, message, source }: Warning): string {
  const place = source === undefined ? '' : ` (${source.file}:${source.start.line})`
  return `WARNING: ${rule === undefined ? '' : `${rule}: `}${message}${place}`
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n')
  return line.length < text.length ? `${line} …` : line
}
