import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { failuresOf, type BuildError } from '../../core/errors.ts'
import { formatPosition, type SourceRange } from '../../core/source-range.ts'

/** Longer excerpts help nobody. */
const shownLines = 8

/** What failed, where, and what to try: for a terminal, ends with a line break.
 *  @param folder what the Dockerfile's name in the error is relative to */
export function renderError(error: BuildError, folder = '.'): string {
  return failuresOf(error)
    .map((failure) => renderOne(failure, folder))
    .join('\n')
}

function renderOne({ code, message, hint, source }: BuildError, folder: string): string {
  const place = source === undefined ? 'stave: ' : `${formatPosition(source)}: `
  const excerpt = source === undefined ? '' : renderExcerpt(source, folder)
  return `${place}${code}: ${message}\n${excerpt}${hint === undefined ? '' : `  ${hint}\n`}`
}

function renderExcerpt({ file, start, end }: SourceRange, folder: string): string {
  const text = readText(resolve(folder, file))
  if (text === undefined) return ''
  const lines = text.split('\n')
  const last = Math.min(end.line, start.line + shownLines - 1, lines.length)
  const width = String(last).length
  const shown: string[] = []
  for (let number = start.line; number <= last; number++) {
    const line = (lines[number - 1] ?? '').replace(/\r$/, '')
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

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
