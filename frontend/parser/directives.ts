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

/** Reads parser directives from the first lines of a Dockerfile, and stops for good at the first line that is none.
 *  @see https://docs.docker.com/reference/dockerfile/#parser-directives */
export class DirectiveReader {
  readonly directives = new Map<DirectiveName, Directive>()
  #done = false

  get escape(): EscapeCharacter {
    return this.directives.get('escape')?.value === '`' ? '`' : '\\'
  }

  /** Whether the line, without the white space before it, is a directive.
   *  @throws {BuildError} `DOCKERFILE_SYNTAX` for one that is repeated or has a value it cannot have. */
  read(line: PlacedText): boolean {
    if (this.#done) return false
    const directive = findDirective(line)
    if (directive === undefined) {
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

function findDirective(line: PlacedText): Directive | undefined {
  if (!line.text.startsWith('#')) return undefined
  const body = line.text.slice(1 + leadingSpace(line.text.slice(1)))
  const [, key = '', value = ''] = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(body) ?? []
  const name = names.find((known) => known === key.toLowerCase())
  return name === undefined ? undefined : { name, value, range: line.trim().range }
}
