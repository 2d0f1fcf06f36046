/** A stretch of a Dockerfile. Lines and columns count from 1; `end` is the position just behind the last character. */
export interface SourceRange {
  readonly file: string
  readonly start: SourcePosition
  readonly end: SourcePosition
}

export interface SourcePosition {
  readonly line: number
  readonly column: number
}

/** `Dockerfile:7:19`, the form that editors and terminals make clickable. */
export function formatPosition(range: SourceRange): string {
  return `${range.file}:${range.start.line}:${range.start.column}`
}
