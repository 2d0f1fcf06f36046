import type { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { readCommand } from './command-form.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import { readDevice } from './read-device.ts'
import type { RunInstruction } from './types.ts'
import { written } from './written.ts'

const networks = ['default', 'none', 'host'] as const
const securities = ['sandbox', 'insecure'] as const

/** @see https://docs.docker.com/reference/dockerfile/#run */
export function parseRun(syntax: InstructionSyntax): RunInstruction {
  const { mount, network, security, device } = readFlags(syntax.flags, {
    mount: 'texts',
    network: 'text',
    security: 'text',
    device: 'texts',
  })
  const command = readCommand(syntax.rest)
  if (command.form === 'exec' && command.argv.length === 0) {
    throw invalid(syntax.rest.range, 'RUN requires arguments: there is nothing to execute in []')
  }
  return {
    kind: 'run',
    ...written(syntax),
    command,
    heredocs: syntax.heredocs,
    mounts: mount,
    devices: device.map(readDevice),
    network: oneOf(networks, network, 'network mode') ?? 'default',
    security: oneOf(securities, security, 'security mode') ?? 'sandbox',
  }
}

function oneOf<T extends string>(choices: readonly T[], value: PlacedText | undefined, what: string): T | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((known) => known === value.text)
  if (choice !== undefined) return choice
  throw invalid(value.range, `Invalid ${what} ${JSON.stringify(value.text)}`, `It is one of: ${choices.join(', ')}.`)
}
