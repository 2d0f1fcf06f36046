import type { SourceRange } from '../../core/source-range.ts'
import type { Directive, DirectiveName, EscapeCharacter } from './directives.ts'
import type { Heredoc } from './heredoc.ts'
import type { PlacedText } from './placed-text.ts'

/** An instruction as the file spells it: lines joined, nothing interpreted but flags and heredocs. */
export interface InstructionSyntax {
  /** The whole of it in one line, without the white space around. */
  readonly line: PlacedText
  /** Its first word, as written. */
  readonly keyword: PlacedText
  readonly flags: readonly PlacedText[]
  /** What follows keyword and flags, without the white space around. */
  readonly rest: PlacedText
  readonly heredocs: readonly Heredoc[]
  /** From the first character to the last, heredocs and all. */
  readonly range: SourceRange
  /** The comments above it, without `#` and white space around, since the last empty comment or instruction. */
  readonly comments: readonly string[]
}

export interface Syntax {
  readonly file: string
  readonly escape: EscapeCharacter
  readonly directives: ReadonlyMap<DirectiveName, Directive>
  readonly instructions: readonly InstructionSyntax[]
  /** Empty lines within continued ones: deprecated. */
  readonly emptyContinuations: readonly SourceRange[]
}
