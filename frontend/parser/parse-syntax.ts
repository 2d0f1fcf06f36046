import { BuildError } from '../../core/errors.ts'
import type { SourcePosition, SourceRange } from '../../core/source-range.ts'
import { DirectiveReader } from './directives.ts'
import { splitFlags } from './flags.ts'
import { findHeredocTokens, type Heredoc, type PlacedToken } from './heredoc.ts'
import { findJsonArray } from './json-array.ts'
import { endOfWord, findContinued, isBlank, isComment, splitLines, type Line } from './lines.ts'
import { joinPieces, PlacedText, type Piece } from './placed-text.ts'
import type { InstructionSyntax, Syntax } from './syntax.ts'
import { leadingSpace, trimSpace } from './white-space.ts'

/** Cuts a Dockerfile into instructions. Whatever is wrong goes to `errors`, in the order of the file, and reading goes on
 *  behind it. */
export function parseSyntax(text: string, file: string, errors: BuildError[]): Syntax {
  return new SyntaxReader(text, file, errors).read()
}

class SyntaxReader {
  readonly #file: string
  readonly #lines: readonly Line[]
  readonly #errors: BuildError[]
  readonly #directives = new DirectiveReader()
  readonly #emptyContinuations: SourceRange[] = []
  /** Index of the line to read next. */
  #next = 0

  constructor(text: string, file: string, errors: BuildError[]) {
    this.#file = file
    this.#lines = splitLines(text.replace(/^\ufeff/, ''))
    this.#errors = errors
  }

  read(): Syntax {
    const instructions: InstructionSyntax[] = []
    let comments: string[] = []
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      const start = leadingSpace(line.text)
      const stripped: Piece = { text: line.text.slice(start), line: line.number, column: start + 1 }
      if (this.#isDirective(stripped)) continue
      if (isComment(line.text)) {
        const comment = trimSpace(stripped.text.slice(1))
        comments = comment === '' ? [] : [...comments, comment]
      } else if (stripped.text !== '') {
        instructions.push(this.#readInstruction(stripped, comments))
        comments = []
      }
    }
    return {
      file: this.#file,
      escape: this.#directives.escape,
      directives: this.#directives.directives,
      instructions,
      emptyContinuations: this.#emptyContinuations,
    }
  }

  #take(): Line | undefined {
    return this.#lines[this.#next++]
  }

  #isDirective(piece: Piece): boolean {
    try {
      return this.#directives.read(joinPieces(this.#file, [piece]))
    } catch (error) {
      this.#report(error)
      return true
    }
  }

  #readInstruction(first: Piece, comments: readonly string[]): InstructionSyntax {
    const line = this.#joinContinued(first).trim()
    const keyword = line.slice(0, endOfWord(line.text))
    const { flags, rest } = splitFlags(line.slice(keyword.text.length))
    const { start } = line.range
    const tokens = takesHeredocs(keyword.text, rest) ? findHeredocTokens(line) : []
    const heredocs = tokens.map((token) => this.#readHeredoc(token))
    const end = heredocs.length === 0 ? line.range.end : this.#endOfLastLine()
    return { line, keyword, flags, rest, heredocs, range: { file: this.#file, start, end }, comments }
  }

  #joinContinued(first: Piece): PlacedText {
    const { escape } = this.#directives
    const pieces: Piece[] = []
    let continued = findContinued(first.text, escape)
    pieces.push({ ...first, text: continued ?? first.text })
    while (continued !== undefined) {
      const line = this.#take()
      if (line === undefined) break
      if (isComment(line.text)) continue
      if (isBlank(line.text)) {
        this.#emptyContinuations.push(this.#rangeOf(line))
        continue
      }
      continued = findContinued(line.text, escape)
      pieces.push({ text: continued ?? line.text, line: line.number, column: 1 })
    }
    return joinPieces(this.#file, pieces)
  }

  #readHeredoc({ word, ...token }: PlacedToken): Heredoc {
    const pieces: Piece[] = []
    const body = () => (pieces.length === 0 ? PlacedText.at(word.range, '') : joinPieces(this.#file, pieces))
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      const text = token.stripTabs ? line.text.replace(/^\t+/, '') : line.text
      if (text === token.name) return { ...token, body: body() }
      pieces.push({ text: line.raw, line: line.number, column: 1 })
    }
    this.#report(
      new BuildError('DOCKERFILE_SYNTAX', `Unterminated heredoc: no line ${JSON.stringify(token.name)} ends it`, {
        source: word.range,
      }),
    )
    return { ...token, body: body() }
  }

  #rangeOf({ number, text }: Line): SourceRange {
    const start = { line: number, column: 1 }
    return { file: this.#file, start, end: { line: number, column: 1 + text.length } }
  }

  #endOfLastLine(): SourcePosition {
    const line = this.#lines[Math.min(this.#next, this.#lines.length) - 1]
    return { line: line?.number ?? 1, column: 1 + (line?.text.length ?? 0) }
  }

  #report(error: unknown): void {
    if (!(error instanceof BuildError)) throw error
    this.#errors.push(error)
  }
}

/** RUN, COPY and ADD do, below ONBUILD as well, but not in their JSON form. */
function takesHeredocs(keyword: string, rest: PlacedText): boolean {
  const name = keyword.toUpperCase()
  if (name === 'ONBUILD') {
    const end = endOfWord(rest.text)
    return takesHeredocs(rest.text.slice(0, end), splitFlags(rest.slice(end)).rest)
  }
  return /^(?:RUN|COPY|ADD)$/.test(name) && findJsonArray(rest.text) === undefined
}
