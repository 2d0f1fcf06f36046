import type { SourcePosition, SourceRange } from '../../core/source-range.ts'
import { leadingSpace, trimSpace } from './white-space.ts'

/** Text that knows where each of its characters stands in the Dockerfile. */
export class PlacedText {
  readonly text: string
  /** Where the characters from `start` up to, not including, `end` stand. */
  readonly rangeOf: (start: number, end: number) => SourceRange

  constructor(text: string, rangeOf: (start: number, end: number) => SourceRange) {
    this.text = text
    this.rangeOf = rangeOf
  }

  /** Text that is not in the file letter by letter: all of it stands for `range`. */
  static at(range: SourceRange, text: string): PlacedText {
    return new PlacedText(text, () => range)
  }

  get range(): SourceRange {
    return this.rangeOf(0, this.text.length)
  }

  slice(start: number, end = this.text.length): PlacedText {
    return new PlacedText(this.text.slice(start, end), (from, to) => this.rangeOf(start + from, start + to))
  }

  trim(): PlacedText {
    const start = leadingSpace(this.text)
    return this.slice(start, start + trimSpace(this.text).length)
  }
}

/** A stretch of one line of the file. */
export interface Piece {
  readonly text: string
  readonly line: number
  /** Of its first character, from 1. */
  readonly column: number
}

/** Joins pieces of a file into one text. At least one piece, even if empty, is needed to stand anywhere. */
export function joinPieces(file: string, pieces: readonly Piece[]): PlacedText {
  const starts: number[] = []
  let text = ''
  for (const piece of pieces) {
    starts.push(text.length)
    text += piece.text
  }
  const positionOf = (offset: number): SourcePosition => {
    let index = starts.length - 1
    while (index > 0 && (starts[index] ?? 0) > offset) index--
    const piece = pieces[index]
    if (piece === undefined) throw new Error('joinPieces() was given no piece')
    return { line: piece.line, column: piece.column + offset - (starts[index] ?? 0) }
  }
  /** The end of a line has no width: behind it would be behind the line. */
  const behind = (offset: number): SourcePosition => {
    const { line, column } = positionOf(offset)
    return { line, column: text.charAt(offset) === '\n' ? column : column + 1 }
  }
  return new PlacedText(text, (start, end) => {
    const first = positionOf(start)
    return { file, start: first, end: end > start ? behind(end - 1) : first }
  })
}
