import { BuildError } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { leadingSpace } from './white-space.ts'
import type { PlacedText } from './placed-text.ts'

const names = ['syntax', 'escape', 'check'] as const
export type DirectiveName = (typeof names)[number]

/** The character that continues a line at its end, and takes the meaning from the next one elsewhere. */
export type EscapeCharacter = '\\' | '`'

export interface Directive {
  readonly name: DirectiveName
  readonly value: string
  readonly range: SourceRange
}

/** Reads parser directives from the first lines of a Dockerfile, and stops for good at the first line that is none; a `#!` in the very
 *  first is passed over.
 *  @see https://docs.docker.com/reference/dockerfile/#parser-directives */
export class DirectiveReader {
  readonly directives = new Map<DirectiveName, Directive>()
  #isFirst = true
  #behindShebang = false
  #done = false

  get escape(): EscapeCharacter {
    return this.directives.get('escape')?.value === '`' ? '`' : '\\'
  }

  /** Whether the line, without the white space before it, is a directive.
   *  @throws {BuildError} `DOCKERFILE_SYNTAX` for one that is repeated or has a value it cannot have. */
  read(line: PlacedText): boolean {
    if (this.#done) return false
    if (this.#isFirst && line.text.startsWith('#!')) {
      this.#isFirst = false
      this.#behindShebang = true
      return false
    }
    this.#isFirst = false
    const directive = findDirective(line)
    // Behind `#!`, BuildKit goes on looking for the directives that are not the parser's own.
    if (directive === undefined || (this.#behindShebang && directive.name === 'escape')) {
      this.#done = true
      return false
    }
    const { name, value, range } = directive
    if (this.directives.has(name)) {
      throw new BuildError('DOCKERFILE_SYNTAX', `Only one ${name} parser directive can be used`, { source: range })
    }
    if (name === 'escape' && value !== '\\' && value !== '`') {
      throw new BuildError('DOCKERFILE_SYNTAX', `Invalid escape token ${JSON.stringify(value)}`, {
        hint: 'The escape directive takes \\ or `.',
        source: range,
      })
    }
    this.directives.set(name, directive)
    return true
  }
}

/** @param mark what directives stand behind */
export function findDirective(line: PlacedText, mark: '#' | '//' = '#'): Directive | undefined {
  if (!line.text.startsWith(mark)) return undefined
  const body = line.text.slice(mark.length + leadingSpace(line.text.slice(mark.length)))
  const [written = '', key = ''] = /^([a-zA-Z][a-zA-Z0-9]*)\s*=/.exec(body) ?? []
  const value = body.slice(written.length).trim()
  if (value === '') return undefined
  const name = names.find((known) => known === key.toLowerCase())
  return name === undefined ? undefined : { name, value, range: line.trim().range }
}
