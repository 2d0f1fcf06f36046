import type { InstructionSyntax } from '../parser/syntax.ts'

/** What all instructions keep of their spelling. */
export function written({ keyword, line, range, comments }: InstructionSyntax) {
  return { keyword: keyword.text, text: line.text, range, comments }
}
