import type { Warning } from '../../core/events.ts'
import { maskCredentials } from '../../core/url-credentials.ts'
import type { CheckReport } from '../calls/check-dockerfile.ts'

/** Lines of an excerpt around one line that is meant, or around several. */
const around = { one: 4, several: 2 } as const

/** The warnings, as `docker buildx build --check` prints them. */
export function renderFindings({ warnings, errors, file }: CheckReport): string {
  if (warnings.length === 0) return errors.length === 0 ? 'Check complete, no warnings found.\n' : ''
  const count = warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`
  return `Check complete, ${count} been found!\n${warnings.map((warning) => renderWarning(warning, file.text)).join('')}`
}

function renderWarning({ rule, url, message, source }: Warning, text: string): string {
  const page = url === undefined ? '' : ` - ${url}`
  const head = `\nWARNING: ${rule ?? ''}${page}\n${message}\n`
  return source === undefined ? head : head + excerpt(source.file, text, source.start.line, source.end.line)
}

function excerpt(file: string, text: string, first: number, last: number): string {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const { start, end } = widen(first, Math.min(last, lines.length), lines.length)
  const shown = lines.slice(start - 1, end).map((line, index) => {
    const number = start + index
    const mark = number >= first && number <= last ? '>>>' : '   '
    return ` ${String(number).padStart(3)} | ${mark} ${maskCredentials(line)}\n`
  })
  const rule = '--------------------\n'
  return `${file}:${first}\n${rule}${shown.join('')}${rule}`
}

/** Takes lines from both sides in turn, as far as there are any. */
function widen(first: number, last: number, count: number): { readonly start: number; readonly end: number } {
  const wanted = first === last ? around.one : around.several
  let start = first
  let end = last
  for (let taken = 0; taken < wanted; taken++) {
    if (start > 1) {
      start--
      taken++
    }
    if (end !== count) {
      end++
      taken++
    }
  }
  return { start, end }
}
