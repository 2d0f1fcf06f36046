import type { InstructionSyntax } from '../parser/syntax.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import type { FromInstruction } from './types.ts'
import { splitBlanks } from './words.ts'
import { written } from './written.ts'

/** @see https://docs.docker.com/reference/dockerfile/#from */
export function parseFrom(syntax: InstructionSyntax): FromInstruction {
  const { platform } = readFlags(syntax.flags, { platform: 'text' })
  const [base, keyword, name, ...more] = splitBlanks(syntax.rest)
  const isNamed = keyword?.text.toLowerCase() === 'as' && name !== undefined && more.length === 0
  if (base === undefined || (keyword !== undefined && !isNamed)) {
    throw invalid(
      keyword === undefined ? syntax.range : syntax.rest.range,
      'FROM requires either one or three arguments',
      'Write FROM image, or FROM image AS name.',
    )
  }
  if (keyword === undefined || name === undefined) {
    return { kind: 'from', ...written(syntax), base, platform, name: undefined, as: undefined }
  }
  if (!/^[a-z][a-z0-9-_.]*$/.test(name.text.toLowerCase())) {
    throw invalid(
      name.range,
      `Invalid name for build stage: ${JSON.stringify(name.text)}`,
      "A stage's name starts with a letter; letters, digits, -, _ and . may follow.",
    )
  }
  return { kind: 'from', ...written(syntax), base, platform, name: name.text.toLowerCase(), as: { keyword, name } }
}
