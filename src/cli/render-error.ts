import { failuresOf, type BuildError } from '../../core/errors.ts'
import { maskCredentials } from '../../core/url-credentials.ts'
import { formatPosition, type SourceRange } from '../../core/source-range.ts'

/** Longer excerpts help nobody. */
const shownLines = 8

/** The text of a file by the name that positions carry. `undefined`: it is not known. */
export type FindText = (file: string) => string | undefined

/** What failed, where, and what to try: for a terminal, ends with a line break. */
export function renderError(error: BuildError, findText: FindText = () => undefined): string {
  return failuresOf(error)
    .map((failure) => renderOne(failure, findText))
    .join('\n')
}

function renderOne({ code, message, hint, source }: BuildError, findText: FindText): string {
  const place = source === undefined ? 'stave: ' : `${formatPosition(source)}: `
  const text = source === undefined ? undefined : findText(source.file)
  const excerpt = source === undefined || text === undefined ? '' : renderExcerpt(source, text)
  return `${place}${code}: ${message}\n${excerpt}${hint === undefined ? '' : `  ${hint}\n`}`
}

function renderExcerpt({ start, end }: SourceRange, text: string): string {
  const lines = text.split('\n')
  const last = Math.min(end.line, start.line + shownLines - 1, lines.length)
  const width = String(last).length
  const shown: string[] = []
  for (let number = start.line; number <= last; number++) {
    const line = maskCredentials((lines[number - 1] ?? '').replace(/\r$/, ''))
    shown.push(`  >> ${String(number).padStart(width)} | ${line}\n`)
    if (start.line === end.line) {
      const length = Math.max(1, Math.min(end.column, line.length + 1) - start.column)
      shown.push(`     ${' '.repeat(width)} | ${blankOut(line.slice(0, start.column - 1))}${'^'.repeat(length)}\n`)
    }
  }
  return shown.join('')
}

/** As wide as the text, so that what follows stands below what follows it: tabs stay tabs. */
function blankOut(text: string): string {
  return text.replace(/[^\t]/g, ' ')
}
