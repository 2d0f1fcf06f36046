import type { Healthcheck } from '../../core/image.ts'
import { endOfWord } from '../parser/lines.ts'
import type { PlacedText } from '../parser/placed-text.ts'
import type { InstructionSyntax } from '../parser/syntax.ts'
import { readCommand } from './command-form.ts'
import { findDuration } from './durations.ts'
import { readFlags } from './flag-values.ts'
import { invalid } from './invalid.ts'
import type { HealthcheckInstruction } from './types.ts'
import { written } from './written.ts'

/** @see https://docs.docker.com/reference/dockerfile/#healthcheck */
export function parseHealthcheck(syntax: InstructionSyntax): HealthcheckInstruction {
  const type = syntax.rest.slice(0, endOfWord(syntax.rest.text))
  const rest = syntax.rest.slice(type.text.length).trim()
  switch (type.text.toUpperCase()) {
    case '':
      throw invalid(
        syntax.range,
        'HEALTHCHECK requires at least one argument',
        'Write HEALTHCHECK CMD command, or NONE.',
      )
    case 'NONE':
      if (rest.text !== '') throw invalid(rest.range, 'HEALTHCHECK NONE takes no arguments')
      return { kind: 'healthcheck', ...written(syntax), healthcheck: { Test: ['NONE'] } }
    case 'CMD':
      return { kind: 'healthcheck', ...written(syntax), healthcheck: readCheck(syntax, rest) }
    default:
      throw invalid(type.range, `Unknown type ${JSON.stringify(type.text)} in HEALTHCHECK`, 'Try CMD.')
  }
}

function readCheck(syntax: InstructionSyntax, rest: PlacedText): Healthcheck {
  const flags = readFlags(syntax.flags, {
    interval: 'text',
    timeout: 'text',
    'start-period': 'text',
    'start-interval': 'text',
    retries: 'text',
  })
  const command = readCommand(rest)
  if (rest.text === '' || (command.form === 'exec' && command.argv.length === 0)) {
    throw invalid(syntax.range, 'Missing command after HEALTHCHECK CMD')
  }
  return {
    Test: command.form === 'exec' ? ['CMD', ...command.argv] : ['CMD-SHELL', command.text],
    Interval: readInterval(flags.interval),
    Timeout: readInterval(flags.timeout),
    StartPeriod: readInterval(flags['start-period']),
    StartInterval: readInterval(flags['start-interval']),
    Retries: readRetries(flags.retries),
  }
}

function readInterval(value: PlacedText | undefined): number | undefined {
  if (value === undefined || value.text === '') return undefined
  const nanoseconds = findDuration(value.text)
  if (nanoseconds === undefined) {
    throw invalid(
      value.range,
      `Invalid duration ${JSON.stringify(value.text)}`,
      'A duration is such as 30s, 1m30s or 500ms.',
    )
  }
  if (nanoseconds === 0) return undefined
  if (nanoseconds < 1e6) throw invalid(value.range, `The interval ${value.text} cannot be less than 1ms`)
  return nanoseconds
}

function readRetries(value: PlacedText | undefined): number | undefined {
  if (value === undefined || value.text === '') return undefined
  const retries = /^[+-]?\d+$/.test(value.text) ? Number(value.text) : Number.NaN
  if (retries >= 0 && retries < 2 ** 31) return retries === 0 ? undefined : retries
  throw invalid(value.range, `--retries must be a whole number from 0; got ${JSON.stringify(value.text)}`)
}
