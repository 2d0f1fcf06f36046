import { invalid } from '../instructions/invalid.ts'
import type { ArgInstruction, EnvInstruction, LabelInstruction } from '../instructions/types.ts'
import { checkLegacyForm, checkSecretName } from '../lint/check-instruction.ts'
import type { StageContext } from './context.ts'
import { expandIn } from './expand.ts'

/** Takes a value from the build arguments, else the default, else the global ARG of the name; later entries see it.
 *  @see https://docs.docker.com/reference/dockerfile/#arg */
export function lowerArg(context: StageContext, instruction: ArgInstruction): void {
  const { state, globals, options, lint } = context
  const shown: string[] = []
  for (const { name, fallback } of instruction.entries) {
    checkSecretName(lint, instruction, 'ARG', name)
    const value =
      options.buildArgs.get(name) ??
      (fallback === undefined ? globals.get(name) : expandIn(context, instruction, fallback).text)
    if (value !== undefined && !isForScanner(name)) state.setVariable(name, value)
    state.args.set(name, value)
    shown.push(value === undefined ? name : `${name}=${value}`)
  }
  state.recordEmpty(`ARG ${shown.join(' ')}`)
}

/** Arguments that speak to the builder, and stay out of the environment. */
function isForScanner(name: string): boolean {
  return name === 'BUILDKIT_SBOM_SCAN_CONTEXT' || name === 'BUILDKIT_SBOM_SCAN_STAGE'
}

/** All entries see the variables from before the instruction.
 *  @see https://docs.docker.com/reference/dockerfile/#env */
export function lowerEnv(context: StageContext, instruction: EnvInstruction): void {
  const { state, lint } = context
  checkLegacyForm(lint, instruction, 'ENV', instruction.legacy)
  const entries = expandEntries(context, instruction)
  for (const [name, value] of entries) {
    checkSecretName(lint, instruction, 'ENV', name)
    state.setEnvironment(name, value)
  }
  state.recordEmpty(['ENV', ...entries.map((entry) => entry.join('='))].join(' '))
}

/** @see https://docs.docker.com/reference/dockerfile/#label */
export function lowerLabel(context: StageContext, instruction: LabelInstruction): void {
  const { state, lint } = context
  checkLegacyForm(lint, instruction, 'LABEL', instruction.legacy)
  const entries = expandEntries(context, instruction)
  for (const [name, value] of entries) state.labels.set(name, value)
  state.recordEmpty(['LABEL', ...entries.map((entry) => entry.join('='))].join(' '))
}

function expandEntries(
  context: StageContext,
  instruction: EnvInstruction | LabelInstruction,
): readonly (readonly [name: string, value: string])[] {
  return instruction.entries.map(({ key, value }) => {
    const name = expandIn(context, instruction, key).text
    if (name === '') throw invalid(key.range, `${instruction.kind.toUpperCase()} names can not be blank`)
    return [name, expandIn(context, instruction, value).text]
  })
}
