import { findDirective, type Directive } from './directives.ts'
import { splitLines, type Line } from './lines.ts'
import { joinPieces, type PlacedText } from './placed-text.ts'

/** The language that a file says it is written in: an image's name, behind `# syntax=` or, for languages with other comments, `//syntax=`,
 *  below `#!` too, or as the member `syntax` of a JSON document. `undefined`: it says nothing.
 *  @see https://docs.docker.com/reference/dockerfile/#syntax */
export function findSyntax(text: string, file: string): Directive | undefined {
  const lines = splitLines(text.replace(/^\ufeff/, ''))
  const own = lines[0]?.text.startsWith('#!') === true ? lines.slice(1) : lines
  const found = findInComments(own, '#', file) ?? findInComments(own, '//', file) ?? findInJson(own, file)
  if (found === undefined) return undefined
  const [image = ''] = found.value.split(' ')
  return { ...found, value: image }
}

function findInComments(lines: readonly Line[], mark: '#' | '//', file: string): Directive | undefined {
  for (const line of lines) {
    const directive = findDirective(placed(line, file), mark)
    if (directive === undefined) return undefined
    if (directive.name === 'syntax') return directive
  }
  return undefined
}

function findInJson(lines: readonly Line[], file: string): Directive | undefined {
  const first = lines.find(({ text }) => text.trim() !== '')
  if (first?.text.trimStart().startsWith('{') !== true) return undefined
  try {
    const document = JSON.parse(lines.map(({ raw }) => raw).join('')) as { readonly syntax?: unknown }
    if (typeof document.syntax !== 'string') return undefined
    return { name: 'syntax', value: document.syntax, range: placed(first, file).trim().range }
  } catch {
    return undefined
  }
}

function placed({ text, number }: Line, file: string): PlacedText {
  return joinPieces(file, [{ text, line: number, column: 1 }])
}
