import type { Dockerfile } from '../dockerfile.ts'
import type { ArgInstruction, FromInstruction, Instruction } from '../instructions/types.ts'
import type { Lint } from './lint.ts'

/** The rules that look at the text alone. */
export function checkDockerfile(lint: Lint, { globals, stages, emptyContinuations }: Dockerfile): void {
  for (const range of emptyContinuations) {
    lint.report('NoEmptyContinuation', 'Empty continuation line', { range, comments: [] })
  }
  const names = new Set<string>()
  for (const { from } of stages) {
    checkCasing(lint, from)
    checkStageName(lint, from, names)
  }
  const instructions = stages.flatMap((stage): Instruction[] => [stage.from, ...stage.instructions])
  checkKeywords(lint, instructions)
  for (const instruction of [...globals, ...instructions]) {
    if (instruction.kind === 'from' || instruction.kind === 'arg') checkDescription(lint, instruction)
  }
}

/** A comment right above a named stage or an ARG describes it, and begins with its name. */
function checkDescription(lint: Lint, instruction: FromInstruction | ArgInstruction): void {
  const names =
    instruction.kind === 'arg' ? instruction.entries.map(({ name }) => name) : [instruction.name ?? []].flat()
  const comment = instruction.comments.at(-1)
  const [name] = names
  if (comment === undefined || name === undefined || names.includes(comment.split(' ')[0] ?? '')) return
  const shown = names.length > 1 ? '<arg_key>' : name
  const message = `Comment for ${instruction.kind.toUpperCase()} should follow the format: \`# ${shown} <description>\``
  lint.report('InvalidDefinitionDescription', message, instruction)
}

function checkCasing(lint: Lint, from: FromInstruction): void {
  if (from.as === undefined) return
  const { keyword, name } = from.as
  if (name.text !== name.text.toLowerCase()) {
    lint.report('StageNameCasing', `Stage name '${name.text}' should be lowercase`, from)
  }
  const isLower = from.keyword === from.keyword.toLowerCase()
  const isUpper = from.keyword === from.keyword.toUpperCase()
  const expected = isLower ? keyword.text.toLowerCase() : keyword.text.toUpperCase()
  if ((isLower || isUpper) && keyword.text !== expected) {
    const message = `'${keyword.text}' and '${from.keyword}' keywords' casing do not match`
    lint.report('FromAsCasing', message, from)
  }
}

function checkStageName(lint: Lint, from: FromInstruction, names: Set<string>): void {
  if (from.name === undefined) return
  if (from.name === 'scratch' || from.name === 'context') {
    const message = `Stage name should not use the same name as reserved stage ${JSON.stringify(from.name)}`
    lint.report('ReservedStageName', message, from)
  }
  if (names.has(from.name)) {
    const message = `Duplicate stage name ${JSON.stringify(from.name)}, stage names should be unique`
    lint.report('DuplicateStageName', message, from)
  }
  names.add(from.name)
}

/** Names of instructions follow the majority, all lower case or all upper case. */
function checkKeywords(lint: Lint, instructions: readonly Instruction[]): void {
  const isLower = ({ keyword }: Instruction) => keyword === keyword.toLowerCase()
  const isUpper = ({ keyword }: Instruction) => keyword === keyword.toUpperCase()
  const preferLower = instructions.filter(isLower).length > instructions.filter(isUpper).length
  for (const instruction of instructions) {
    if (preferLower ? isLower(instruction) : isUpper(instruction)) continue
    const casing = preferLower ? 'lowercase' : 'uppercase'
    const message = `Command '${instruction.keyword}' should match the case of the command majority (${casing})`
    lint.report('ConsistentInstructionCasing', message, instruction)
  }
}
