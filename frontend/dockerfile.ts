import { BuildError, throwCollected } from '../core/errors.ts'
import type { SourceRange } from '../core/source-range.ts'
import { parseInstruction } from './instructions/parse-instruction.ts'
import type { ArgInstruction, FromInstruction, Instruction, StageInstruction } from './instructions/types.ts'
import type { Directive, DirectiveName, EscapeCharacter } from './parser/directives.ts'
import { checkSyntax } from './check-syntax.ts'
import { findSyntax } from './parser/find-syntax.ts'
import { parseSyntax } from './parser/parse-syntax.ts'
import type { InstructionSyntax } from './parser/syntax.ts'

/** A Dockerfile, read but not yet given any meaning: no variable is expanded. */
export interface Dockerfile {
  readonly file: string
  /** The image that stands for the language, as the file or `BUILDKIT_SYNTAX` names it: one of Docker's own. */
  readonly syntax: string | undefined
  readonly escape: EscapeCharacter
  readonly directives: ReadonlyMap<DirectiveName, Directive>
  /** The ARGs before the first FROM. */
  readonly globals: readonly ArgInstruction[]
  /** At least one. */
  readonly stages: readonly DockerfileStage[]
  readonly emptyContinuations: readonly SourceRange[]
}

export interface DockerfileStage {
  readonly from: FromInstruction
  readonly instructions: readonly StageInstruction[]
}

export interface ParseOptions {
  /** The value of the build argument `BUILDKIT_SYNTAX`. */
  readonly syntax?: string | undefined
}

/** Reads the text of a Dockerfile; `file` is the name that positions carry, `syntax` a language that counts instead of what the
 *  file says.
 *  @throws {BuildError} `UNSUPPORTED` for a file in another language, `DOCKERFILE_SYNTAX`, `INSTRUCTION_UNKNOWN`, `INSTRUCTION_INVALID`, `STAGE_INVALID`; as `BuildErrors`
 *  with all that is wrong, when it is more than one thing */
export function parseDockerfile(text: string, file: string, options: ParseOptions = {}): Dockerfile {
  const { dockerfile, errors } = readDockerfile(text, file, options)
  throwCollected(errors)
  return dockerfile
}

/** A Dockerfile as far as it could be read. */
export interface ReadDockerfile {
  /** Without the instructions that could not be read. */
  readonly dockerfile: Dockerfile
  /** In the order of the file; with none, `dockerfile` is all of it. */
  readonly errors: readonly BuildError[]
  /** What could not be read may have begun a stage. */
  readonly lacksStages: boolean
}

/** As `parseDockerfile()`, for whoever wants to go on in spite of mistakes.
 *  @throws {BuildError} `UNSUPPORTED` for a file in another language */
export function readDockerfile(text: string, file: string, { syntax }: ParseOptions = {}): ReadDockerfile {
  const named = syntax === undefined ? findSyntax(text, file) : { value: syntax, range: undefined }
  if (named !== undefined) checkSyntax(named.value, named.range)
  const errors: BuildError[] = []
  const { escape, directives, instructions, emptyContinuations } = parseSyntax(text, file, errors)
  if (instructions.length === 0) errors.push(emptyFile(file))
  const globals: ArgInstruction[] = []
  const stages: { from: FromInstruction; instructions: StageInstruction[] }[] = []
  let lacksStages = false
  for (const syntax of instructions) {
    const instruction = tryParse(syntax, escape, errors)
    const stage = stages.at(-1)
    if (instruction === undefined) {
      lacksStages ||= /^f/i.test(syntax.keyword.text)
      continue
    }
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] })
    else if (stage !== undefined) stage.instructions.push(instruction)
    else if (instruction.kind === 'arg') globals.push(instruction)
    else if (errors.length === 0) errors.push(outsideStage(instruction))
  }
  if (stages.length === 0 && errors.length === 0) errors.push(noStage(file, globals))
  const dockerfile = { file, syntax: named?.value, escape, directives, globals, stages, emptyContinuations }
  return { dockerfile, errors: inOrder(errors), lacksStages: lacksStages || stages.length === 0 }
}

function tryParse(syntax: InstructionSyntax, escape: EscapeCharacter, errors: BuildError[]): Instruction | undefined {
  try {
    return parseInstruction(syntax, escape)
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    errors.push(error)
    return undefined
  }
}

function outsideStage({ keyword, range }: Instruction): BuildError {
  return new BuildError('STAGE_INVALID', `No build stage in current context: ${keyword} stands before the first FROM`, {
    hint: 'Only ARG may stand before the first FROM.',
    source: range,
  })
}

function noStage(file: string, instructions: readonly Instruction[]): BuildError {
  return new BuildError('STAGE_INVALID', 'The Dockerfile contains no stages to build', {
    hint: 'Begin with FROM.',
    source: instructions.at(-1)?.range ?? startOf(file),
  })
}

function emptyFile(file: string): BuildError {
  return new BuildError('DOCKERFILE_SYNTAX', 'File with no instructions', {
    hint: 'A Dockerfile begins with FROM.',
    source: startOf(file),
  })
}

function startOf(file: string): SourceRange {
  return { file, start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }
}

/** By line, then by column. */
export function inOrder(errors: readonly BuildError[]): readonly BuildError[] {
  return [...errors].sort((a, b) => positionOf(a) - positionOf(b))
}

/** Sorts by line, then by column. */
function positionOf({ source }: BuildError): number {
  return source === undefined ? 0 : source.start.line * 2 ** 20 + source.start.column
}
