import { BuildError, throwCollected } from '../../core/errors.ts'
import type { SourceRange } from '../../core/source-range.ts'
import { parseInstruction } from '../instructions/parse-instruction.ts'
import { parseSyntax } from '../parser/parse-syntax.ts'
import { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import type { Step } from './step.ts'

/** Reads what an ONBUILD of the base has to say, in the stage whose FROM is at `range`: all positions are there.
 *  @throws {BuildError} what `parseDockerfile()` throws */
export function parseTrigger(trigger: string, range: SourceRange): Step {
  const errors: BuildError[] = []
  try {
    const { instructions, escape } = parseSyntax(trigger, range.file, errors)
    throwCollected(errors)
    const [only, ...more] = instructions
    if (only === undefined || more.length > 0) {
      throw new BuildError('INSTRUCTION_INVALID', 'it should be a single instruction')
    }
    const instruction = parseInstruction(placed(only, range), escape)
    if (instruction.kind === 'from') throw new BuildError('INSTRUCTION_INVALID', "FROM isn't allowed there")
    return { instruction, triggered: true }
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    const message = `Cannot run ONBUILD trigger ${JSON.stringify(trigger)} of the base: ${error.message}`
    throw new BuildError(error.code, message, { source: range, hint: error.hint })
  }
}

function placed(syntax: InstructionSyntax, range: SourceRange): InstructionSyntax {
  const here = ({ text }: PlacedText) => PlacedText.at(range, text)
  return {
    ...syntax,
    line: here(syntax.line),
    keyword: here(syntax.keyword),
    flags: syntax.flags.map(here),
    rest: here(syntax.rest),
    heredocs: syntax.heredocs.map((heredoc) => ({ ...heredoc, body: here(heredoc.body) })),
    range,
    comments: [],
  }
}
